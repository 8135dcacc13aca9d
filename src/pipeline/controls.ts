import { setImmediate } from 'node:timers/promises';
import { choose, derive } from '../stats/random.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';
import { type Fit, type FitSettings, fitDetector } from './fit.js';
import { type Gathered, gather, linearScores, placesOf } from './gather.js';

/** How the neurons of a control are drawn: from all, or with as many in each layer as the detector has. */
export type ControlKind = 'random' | 'layer-matched';

export interface ControlRun {
  seed: number;
  /** Decision value of each test row, above 0 for hallucinated. */
  scores: Float64Array;
  /** What gives these scores: columns with a weight, as columns of the whole matrix. */
  fit: Pick<Fit, 'intercept' | 'indices' | 'weights' | 'platt'>;
}

/** For each control as many of the `columns` neurons as the detector has, in ascending order, every set equally likely. */
export function drawControls(options: {
  columns: number;
  neurons: number;
  controls: number;
  seed: number;
}): Uint32Array[] {
  const { columns, controls, seed } = options;
  // A detector without neurons is compared with sets of one.
  const size = Math.min(Math.max(1, options.neurons), columns);
  return Array.from({ length: controls }, (_, i) => choose(derive(seed, 'control', i), columns, size));
}

/**
 * Controls that have as many neurons as the detector in each layer, in ascending order: within a layer every set is equally
 * likely. What they reach is what the choice of layers alone is worth.
 *
 * @param neurons flat indices (`layer * ffn + index`) of the detector's neurons
 */
export function drawLayerMatched(options: {
  neurons: ArrayLike<number>;
  ffn: number;
  controls: number;
  seed: number;
}): Uint32Array[] {
  const { neurons, ffn, controls, seed } = options;
  const perLayer = new Map<number, number>();
  for (const flat of Array.from(neurons)) {
    const layer = Math.floor(flat / ffn);
    perLayer.set(layer, (perLayer.get(layer) ?? 0) + 1);
  }
  const layers = [...perLayer].sort(([a], [b]) => a - b);
  return Array.from({ length: controls }, (_, i) => {
    const random = derive(seed, 'layer-matched', i);
    return Uint32Array.from(
      layers.flatMap(([layer, count]) => [...choose(random, ffn, count)].map((index) => layer * ffn + index)),
    );
  });
}

/**
 * Random controls: detectors of the neurons of each set alone, trained on the same rows by the same steps as the real one
 * (grid, folds, calibration).
 *
 * @param training the training rows ({@link TrainingData}) of `cases`, with the columns of all sets
 * @param test the answers to score, with the columns of all sets
 */
export async function runControls(options: {
  sets: Uint32Array[];
  training: Gathered;
  cases: Case[];
  test: Gathered;
  settings: FitSettings;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}): Promise<ControlRun[]> {
  const { sets, training, cases, test, settings, signal, onProgress } = options;
  const runs: ControlRun[] = [];
  for (const [seed, set] of sets.entries()) {
    onProgress(seed, sets.length);
    // A fit this small never waits for anything: without this, Ctrl-C would be heard only after the last one.
    await setImmediate();
    const { values: matrix } = await gather(training.values, placesOf(training, set), signal);
    const fit = await fitDetector({ matrix, cases }, settings, { signal });
    const indices = fit.indices.map((place) => set[place]);
    runs.push({
      seed,
      scores: decisionValues(fit.platt, linearScores(test, indices, fit.weights, fit.intercept)),
      fit: { ...fit, indices },
    });
  }
  onProgress(sets.length, sets.length);
  return runs;
}
