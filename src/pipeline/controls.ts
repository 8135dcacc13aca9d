import { rm } from 'node:fs/promises';
import { writeFileAtomic } from '../formats/atomic.js';
import { choose, derive } from '../stats/random.js';
import { plattDecision } from './decision.js';
import { fitDetector, type TrainingData } from './fit.js';
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
 *
 * @param scratch path of a temporary file: the columns of all controls, side by side.
 */
export async function runControls(options: {
  data: TrainingData;
  testRows: number[];
  neurons: number;
  controls: number;
  seed: number;
  training: TrainSettings;
  scratch: string;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}): Promise<ControlRun[]> {
  const { data, testRows, controls, scratch, training } = options;
  // A detector without neurons is compared with sets of one.
  const size = Math.min(Math.max(1, options.neurons), data.columns);
  const sets = Array.from({ length: controls }, (_, i) =>
    choose(derive(options.seed, 'control', i), data.columns, size),
  );
  // One pass over the features for all sets: they are far larger than what is wanted of them.
  const columns = sets.flatMap((set) => Array.from(set));
  const rows = [...data.cases.map((one) => one.answer), ...data.cases.map((one) => one.other), ...testRows];
  const values = await gatherColumns(data.path, rows, data.columns, columns);
  const runs: ControlRun[] = [];
  try {
    await writeFileAtomic(scratch, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    for (let i = 0; i < controls; i++) {
      options.signal?.throwIfAborted();
      options.onProgress(i, controls);
      const offset = (row: number) => (row * columns.length + i * size) * 4;
      const cases = data.cases.map((one, row) => ({
        ...one,
        answer: offset(row),
        other: offset(data.cases.length + row),
      }));
      const fit = await fitDetector({ path: scratch, columns: size, cases }, training, {
        signal: options.signal,
      });
      const tested = testRows.map((_, row) => offset(2 * data.cases.length + row));
      const chosen = await gatherColumns(scratch, tested, size, fit.indices);
      const scores = linearScores(chosen, fit.weights, fit.intercept, tested.length);
      runs.push({ seed: i, scores: scores.map((score) => plattDecision(fit.platt, score)) });
    }
    options.onProgress(controls, controls);
    return runs;
  } finally {
    await rm(scratch, { force: true });
  }
}
