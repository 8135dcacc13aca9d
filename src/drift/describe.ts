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
  noise: Omit<NoiseFloor, 'part'>;
  /** Half of the median or more can be rounding. */
  drowned: boolean;
}

export interface DriftDescription {
  parts: PartDrift[];
  /** The paper's rank (up and down) of the H-Neurons against all others. */
  inertia: Inertia;
  /** The same after the logarithms of the weight norms are partialled out. */
  withoutNorms: Inertia;
  /** The same for the gate alone, which the paper leaves out; null without gates. */
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
  const drift = await measureDrift(base, instruct, options);
  const { ffn, up, gate, down, upNorm, downNorm } = drift;
  if (up.every((value) => value < 1e-12) && down.every((value) => value < 1e-12)) {
    throw new SameWeightsError(
      `${base.path} and ${instruct.path} have the same FFN weights; name the model before and after training`,
    );
  }
  const floors = await noiseFloors(base, instruct, options.seed);
  const { score, rank } = inertiaRanks(up, down);
  const setting = { ffn, seed: options.seed };
  const description: DriftDescription = {
    parts: floors.map(({ part, ...noise }) => {
      const values = drift[part]!;
      const middle = median(Array.from(values));
      const floor = (noise.base ?? 0) + (noise.instruct ?? 0);
      return {
        part,
        median: middle,
        hNeurons: median(hNeurons.map((j) => values[j])),
        noise,
        drowned: floor >= middle / 2,
      };
    }),
    inertia: testInertia(rank, hNeurons, setting),
    withoutNorms: testInertia(ranksOf(withoutNorms(score, [upNorm, downNorm])), hNeurons, setting),
    gate: gate ? testInertia(ranksOf(gate), hNeurons, setting) : null,
    layers: byLayer(drift, score, hNeurons),
    histogram: histogram(rank, hNeurons),
    neurons: hNeurons.map((j) => ({
      layer: Math.floor(j / ffn),
      index: j % ffn,
      up: up[j],
      gate: gate ? gate[j] : null,
      down: down[j],
      rank: rank[j],
    })),
  };
  return { description, arrays: { drift, score, rank } };
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
