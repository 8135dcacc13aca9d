import { denseMatrix } from '../learn/matrix.js';
import { choose, derive } from '../stats/random.js';
import { plattDecision } from './decision.js';
import { fitDetector, type TrainingData, trainingOffsets } from './fit.js';
import { gatherColumns, linearScores } from './gather.js';
import type { TrainSettings } from './settings.js';

export interface ControlRun {
  seed: number;
  /** Decision value of each test row, above 0 for hallucinated. */
  scores: Float64Array;
}

/**
 * Random controls: detectors of as many neurons as the real one has, drawn at random from all, trained on the same
 * rows by the same steps (grid, folds, calibration). `testRows` are the byte offsets of the answers to score.
 */
export async function runControls(options: {
  data: TrainingData;
  testRows: number[];
  neurons: number;
  controls: number;
  seed: number;
  training: TrainSettings;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}): Promise<ControlRun[]> {
  const { data, testRows, controls, training } = options;
  // A detector without neurons is compared with sets of one.
  const size = Math.min(Math.max(1, options.neurons), data.columns);
  const sets = Array.from({ length: controls }, (_, i) =>
    choose(derive(options.seed, 'control', i), data.columns, size),
  );
  // One pass over the features for all sets: they are far larger than what is wanted of them.
  const columns = sets.flatMap((set) => Array.from(set));
  const trained = trainingOffsets(data.cases, training.mode);
  const values = await gatherColumns(data.path, [...trained, ...testRows], data.columns, columns);
  /** Rows from `first` on, with the columns of set `i` only. */
  const slice = (i: number, first: number, rows: number) => {
    const out = new Float32Array(rows * size);
    for (let row = 0; row < rows; row++) {
      const at = (first + row) * columns.length + i * size;
      out.set(values.subarray(at, at + size), row * size);
    }
    return out;
  };
  const runs: ControlRun[] = [];
  for (let i = 0; i < controls; i++) {
    options.onProgress(i, controls);
    const matrix = denseMatrix(trained.length, size, slice(i, 0, trained.length));
    const fit = await fitDetector(matrix, data.cases, training, { signal: options.signal });
    const weights = new Float64Array(size);
    fit.indices.forEach((column, k) => {
      weights[column] = fit.weights[k];
    });
    const tested = slice(i, trained.length, testRows.length);
    const scores = linearScores(tested, weights, fit.intercept, testRows.length);
    runs.push({ seed: i, scores: scores.map((score) => plattDecision(fit.platt, score)) });
  }
  options.onProgress(controls, controls);
  return runs;
}
