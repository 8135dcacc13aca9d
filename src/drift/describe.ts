import { mean, median } from 'simple-statistics';
import { UserError } from '../errors.js';
import type { FfnPart, FfnWeights } from '../weights/types.js';
import { withoutNorms } from './confounder.js';
import { type Inertia, testInertia } from './inertia.js';
import { type Drift, measureDrift } from './measure.js';
import { type NoiseFloor, noiseFloors } from './noise.js';
import { inertiaRanks, ranksOf } from './rank.js';

/** Ranks are counted in so many bins for the figure. */
const BINS = 20;

/** Two models that have the same FFN weights, however they are stored: there is nothing to compare. */
export class SameWeightsError extends UserError {}

/** How one kind of matrix moved, over all neurons, beside what rounding alone can do. */
export interface PartDrift {
  part: FfnPart;
  median: number;
  /** Of the H-Neurons. */
  hNeurons: number;
  noise: Pick<NoiseFloor, 'base' | 'instruct'>;
  /**
   * In half of the layers or more, half of the median drift or more can be rounding; null where that is not known, because the format
   * of a file cannot be made here. By layer: formats may be mixed, and a median over all of them then says little.
   */
  drowned: boolean | null;
}

export interface DriftDescription {
  parts: PartDrift[];
  /** What score and rank are made of: up and down, but for one that did not move at all; the gate where neither did. */
  scored: FfnPart[];
  /** The paper's rank (up and down) of the H-Neurons against all others. */
  inertia: Inertia;
  /** The same for what the size of the weights leaves unexplained, see `withoutNorms` in confounder.ts. */
  withoutNorms: Inertia;
  /** The same for the gate alone, which the paper leaves out; null without gates, or where they did not move. */
  gate: Inertia | null;
  /** Mean score (z-scored drift, larger is more) of each layer, of all neurons and of the H-Neurons; null where it has none. */
  layers: { layer: number; all: number; hNeurons: number | null; count: number }[];
  /** Share of neurons in each twentieth of the rank, of all (always even) and of the H-Neurons. */
  histogram: { low: number; high: number; hNeurons: number }[];
  neurons: { layer: number; index: number; up: number; gate: number | null; down: number; rank: number }[];
}

/** Everything that was measured, `[layers * ffn]` each, for the file that others can read. */
export interface DriftArrays {
  drift: Drift;
  score: Float64Array;
  rank: Float64Array;
}

/**
 * Drift between two models and whether the H-Neurons moved less than the others.
 * @param hNeurons flat indices (`layer * ffn + j`) of the neurons with a positive weight
 * @param options.onProgress steps: each matrix is compared, then each layer searched for rounding
 * @throws UserError with fewer than two H-Neurons, or for damaged files; SameWeightsError where nothing moved at all.
 */
export async function describeDrift(
  base: FfnWeights,
  instruct: FfnWeights,
  hNeurons: readonly number[],
  options: {
    seed: number;
    threads?: number;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  },
): Promise<{ description: DriftDescription; arrays: DriftArrays }> {
  if (hNeurons.length < 2) {
    throw new UserError(
      `the detector has ${hNeurons.length} H-Neurons; at least two are needed to compare their drift with that of the others`,
    );
  }
  const { seed, threads, signal, onProgress } = options;
  let compared = 0;
  const drift = await measureDrift(base, instruct, {
    threads,
    signal,
    onProgress: (done, total) => {
      compared = total;
      onProgress?.(done, total + base.layers);
    },
  });
  const { ffn, gate } = drift;
  const scored = scoredParts(drift);
  if (scored.length === 0) {
    throw new SameWeightsError(
      `${base.path} and ${instruct.path} have the same FFN weights; name the model before and after training`,
    );
  }
  const floors = await noiseFloors(base, instruct, {
    seed,
    signal,
    onProgress: (done) => onProgress?.(compared + done, compared + base.layers),
  });
  const drifts = scored.map((part) => drift[part]!);
  const norms = scored.map((part) => drift.norms[part]!);
  const { score, rank } = inertiaRanks(drifts);
  const setting = { ffn, seed };
  const description: DriftDescription = {
    parts: floors.map((floor) => describePart(drift, floor, hNeurons)),
    scored,
    inertia: testInertia(rank, hNeurons, setting),
    withoutNorms: testInertia(ranksOf(withoutNorms(drifts, norms, ffn)), hNeurons, setting),
    gate: gate && moved(gate) ? testInertia(ranksOf(gate), hNeurons, setting) : null,
    layers: byLayer(drift, score, hNeurons),
    histogram: histogram(rank, hNeurons),
    neurons: hNeurons.map((j) => ({
      layer: Math.floor(j / ffn),
      index: j % ffn,
      up: drift.up[j],
      gate: gate ? gate[j] : null,
      down: drift.down[j],
      rank: rank[j],
    })),
  };
  return { description, arrays: { drift, score, rank } };
}

const moved = (drift: Float64Array) => drift.some((value) => value > 0);

/** A matrix that did not move has no place in the score: it would count as half of it and say nothing. */
function scoredParts({ up, gate, down }: Drift): FfnPart[] {
  const scored: FfnPart[] = [];
  if (moved(up)) scored.push('up');
  if (moved(down)) scored.push('down');
  if (scored.length === 0 && gate && moved(gate)) scored.push('gate');
  return scored;
}

function describePart(
  drift: Drift,
  { part, base, instruct, layers }: NoiseFloor,
  hNeurons: readonly number[],
): PartDrift {
  const values = drift[part]!;
  const { ffn } = drift;
  const drownedLayers = layers.filter((floor, layer) => {
    const middle = median(Array.from(values.subarray(layer * ffn, (layer + 1) * ffn)));
    return middle > 0 && floor >= middle / 2;
  }).length;
  // What did not move is not rounding either.
  const known = (base !== null && instruct !== null) || !moved(values);
  return {
    part,
    median: median(Array.from(values)),
    hNeurons: median(hNeurons.map((j) => values[j])),
    noise: { base, instruct },
    drowned: drownedLayers >= layers.length / 2 ? true : known ? false : null,
  };
}

function byLayer({ layers, ffn }: Drift, score: Float64Array, hNeurons: readonly number[]) {
  return Array.from({ length: layers }, (_, layer) => {
    const own = hNeurons.filter((j) => Math.floor(j / ffn) === layer);
    return {
      layer,
      all: mean(Array.from(score.subarray(layer * ffn, (layer + 1) * ffn))),
      hNeurons: own.length > 0 ? mean(own.map((j) => score[j])) : null,
      count: own.length,
    };
  });
}

function histogram(rank: Float64Array, hNeurons: readonly number[]): DriftDescription['histogram'] {
  const counts = new Array(BINS).fill(0);
  for (const j of hNeurons) counts[Math.min(BINS - 1, Math.floor(rank[j] * BINS))]++;
  return counts.map((count, bin) => ({
    low: bin / BINS,
    high: (bin + 1) / BINS,
    hNeurons: count / hNeurons.length,
  }));
}
