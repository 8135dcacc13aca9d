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
/** Sums of a layer agree within this part. */
const CLOSE = 0.03;
const EXCHANGES = 20_000;

/**
 * The H-Neurons and their controls: `random` sets of as many neurons drawn from all others, and `matched` sets with as many in each layer,
 * and, as far as their layers allow it, the same sum of mean CETT. No control holds a neuron of the detector.
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

/**
 * In each layer as many neurons as the H-Neurons have there: first each drawn among those nearest in CETT to one of them, then single
 * neurons exchanged for others of the layer until the sums agree. Where H-Neurons are the most active of their layer they cannot agree:
 * then the sum stays below.
 */
function drawMatched(
  hNeurons: readonly number[],
  free: Uint32Array,
  means: Float32Array,
  ffn: number,
  seed: number,
  draw: number,
): Set<number> {
  const random = derive(seed, 'intervene', 'layer-matched', draw);
  const scale = (flat: number) => Math.log(means[flat] + 1e-12);
  const all = new Set<number>();
  for (const layer of new Set(hNeurons.map((flat) => Math.floor(flat / ffn)))) {
    const wanted = hNeurons.filter((flat) => Math.floor(flat / ffn) === layer);
    const pool = Array.from(free.filter((flat) => Math.floor(flat / ffn) === layer));
    const chosen: number[] = [];
    for (const one of wanted) {
      const near = pool
        .filter((flat) => !chosen.includes(flat))
        .sort((a, b) => Math.abs(scale(a) - scale(one)) - Math.abs(scale(b) - scale(one)))
        .slice(0, NEAREST);
      if (near.length > 0) chosen.push(near[int(random, near.length)]);
    }
    let gap = [...wanted].reduce((sum, flat) => sum + means[flat], 0);
    const enough = gap * CLOSE;
    for (const flat of chosen) gap -= means[flat];
    for (let step = 0; step < EXCHANGES && chosen.length > 0 && Math.abs(gap) > enough; step++) {
      const place = int(random, chosen.length);
      const other = pool[int(random, pool.length)];
      const change = means[other] - means[chosen[place]];
      if (chosen.includes(other) || Math.abs(gap - change) >= Math.abs(gap)) continue;
      chosen[place] = other;
      gap -= change;
    }
    for (const flat of chosen) all.add(flat);
  }
  return all;
}
