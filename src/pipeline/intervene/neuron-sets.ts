import { choose, derive, int } from '../../stats/random.js';

/** Neurons that are scaled together. */
export interface NeuronSet {
  name: string;
  kind: 'h-neurons' | 'random' | 'layer-matched';
  /** Flat indices (`layer * ffn + index`), ascending. */
  neurons: Uint32Array;
  /** Sum of the mean CETT of the set's neurons. */
  cett: number;
}

/** A matched neuron is drawn among so many that are nearest in CETT. */
const NEAREST = 12;

/**
 * The H-Neurons and their controls: `random` sets of as many neurons drawn from all others, and `matched` sets with as many in each layer,
 * each drawn among the neurons of its layer whose mean CETT is nearest to that of an H-Neuron. No control holds a neuron of the detector.
 *
 * @param means mean CETT of every neuron `[layers * ffn]`
 * @param excluded all neurons of the detector, whatever their weight
 */
export function neuronSets(options: {
  hNeurons: readonly number[];
  excluded: ReadonlySet<number>;
  means: Float32Array;
  ffn: number;
  random: number;
  matched: number;
  seed: number;
}): NeuronSet[] {
  const { hNeurons, excluded, means, ffn, seed } = options;
  const set = (name: string, kind: NeuronSet['kind'], neurons: Iterable<number>): NeuronSet => {
    const sorted = Uint32Array.from(neurons).sort();
    return { name, kind, neurons: sorted, cett: sorted.reduce((sum, flat) => sum + means[flat], 0) };
  };
  const free = Uint32Array.from(means.keys()).filter((flat) => !excluded.has(flat));
  return [
    set('h-neurons', 'h-neurons', hNeurons),
    ...Array.from({ length: options.random }, (_, i) => {
      const places = choose(derive(seed, 'intervene', 'random', i), free.length, hNeurons.length);
      return set(
        `random-${i + 1}`,
        'random',
        places.map((place) => free[place]),
      );
    }),
    ...Array.from({ length: options.matched }, (_, i) =>
      set(`layer-matched-${i + 1}`, 'layer-matched', drawMatched(hNeurons, free, means, ffn, seed, i)),
    ),
  ];
}

function drawMatched(
  hNeurons: readonly number[],
  free: Uint32Array,
  means: Float32Array,
  ffn: number,
  seed: number,
  draw: number,
): Set<number> {
  const random = derive(seed, 'intervene', 'layer-matched', draw);
  const chosen = new Set<number>();
  const scale = (flat: number) => Math.log(means[flat] + 1e-12);
  for (const wanted of hNeurons) {
    const layer = Math.floor(wanted / ffn);
    const near = Array.from(free.filter((flat) => Math.floor(flat / ffn) === layer && !chosen.has(flat)))
      .sort((a, b) => Math.abs(scale(a) - scale(wanted)) - Math.abs(scale(b) - scale(wanted)))
      .slice(0, NEAREST);
    if (near.length > 0) chosen.add(near[int(random, near.length)]);
  }
  return chosen;
}
