import { setImmediate } from 'node:timers/promises';
import { choose, derive } from '../stats/random.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';
import { fitDetector } from './fit.js';
import { type Gathered, gather, linearScores, placesOf } from './gather.js';
import type { TrainSettings } from './settings.js';

export interface ControlRun {
  seed: number;
  /** Decision value of each test row, above 0 for hallucinated. */
  scores: Float64Array;
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
  settings: TrainSettings;
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
    const chosen = fit.indices.map((place) => set[place]);
    runs.push({
      seed,
      scores: decisionValues(fit.platt, linearScores(test, chosen, fit.weights, fit.intercept)),
    });
  }
  onProgress(sets.length, sets.length);
  return runs;
}
