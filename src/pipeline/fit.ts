import { chooseC, crossValidate } from '../learn/cross-validate.js';
import type { FeatureMatrix, RowMatrix } from '../learn/matrix.js';
import { fitPlatt, type Platt } from '../stats/calibration.js';
import { accuracy } from '../stats/metrics.js';
import { plattDecision } from './decision.js';
import type { TrainSettings } from './settings.js';

/** A training case: where its two feature rows begin in the file, and what it is. */
export interface TrainingCase {
  answer: number;
  other: number;
  hallucinated: boolean;
  group: string;
  relation: string;
}

export interface TrainingData {
  path: string;
  /** Features of a row. */
  columns: number;
  cases: TrainingCase[];
}

export interface GridPoint {
  C: number;
  /** Share of held-out answers that were called rightly, in [0, 1]. */
  accuracy: number;
  /** Neurons with a weight other than 0, and those of them with a positive one, after the final fit. */
  neurons: number;
  hNeurons: number;
}

export interface Fit {
  C: number;
  intercept: number;
  /** Columns with a weight other than 0, ascending. */
  indices: Uint32Array;
  weights: Float64Array;
  platt: Platt;
  grid: GridPoint[];
  /** Rows of the training matrix. */
  rows: number;
}

/** The byte offsets of the rows that a mode trains on: the answers, then in 3-vs-1 the other tokens of the same cases. */
export function trainingOffsets(cases: TrainingCase[], mode: TrainSettings['mode']): number[] {
  const answers = cases.map((one) => one.answer);
  return mode === '3-vs-1' ? [...answers, ...cases.map((one) => one.other)] : answers;
}

/** The training rows in their file. */
export function trainingMatrix(
  { path, columns, cases }: TrainingData,
  mode: TrainSettings['mode'],
): RowMatrix {
  return { path, columns, offsets: Float64Array.from(trainingOffsets(cases, mode)) };
}

/**
 * Trains a detector (method.md section 4): the L1 path on all cases, C by grouped cross-validation, and Platt's
 * calibration. Called with few columns it trains a random control: both go through the same steps.
 *
 * The cross-validated figure of a C is the accuracy on held-out answers, where an answer is called hallucinated when its
 * calibrated probability is above one half: in 3-vs-1 most rows have label 0, so that 0 would be the wrong threshold for the raw
 * score. Values of C less than one answer apart go to the sparser model.
 *
 * @param matrix rows as {@link trainingOffsets} lists them for these cases
 */
export async function fitDetector(
  matrix: FeatureMatrix,
  cases: TrainingCase[],
  settings: TrainSettings,
  options: { signal?: AbortSignal; threads?: number; onFit?: (done: number, total: number) => void } = {},
): Promise<Fit> {
  const parts = settings.mode === '3-vs-1' ? 2 : 1;
  const rows = cases.length * parts;
  const perRow = <T>(value: (one: TrainingCase) => T) =>
    Array.from({ length: parts }, () => cases.map(value)).flat();
  const labels = Uint8Array.from({ length: rows }, (_, row) =>
    Number(row < cases.length && cases[row].hallucinated),
  );
  const points = await crossValidate({
    matrix,
    labels,
    groups: perRow((one) => one.group),
    strata: perRow((one) => `${one.relation}\n${one.hallucinated}`),
    counted: Uint8Array.from({ length: rows }, (_, row) => Number(row < cases.length)),
    figure: calibratedAccuracy,
    grid: settings.grid,
    folds: settings.folds,
    seed: settings.seed,
    ...options,
  });
  const best = chooseC(points, cases.length);
  const { intercept, indices, weights } = best.final;
  const platt = fitPlatt(best.scores.subarray(0, cases.length), labels.subarray(0, cases.length));
  const grid = points.map(({ C, accuracy: share, final }): GridPoint => {
    const hNeurons = final.weights.filter((weight) => weight > 0).length;
    return { C, accuracy: share, neurons: final.weights.length, hNeurons };
  });
  return { C: best.C, intercept, indices, weights, platt, grid, rows };
}

/** Share of answers on the right side of one half after calibration. */
function calibratedAccuracy(scores: Float64Array, labels: Uint8Array): number {
  const platt = fitPlatt(scores, labels);
  return accuracy(
    scores.map((score) => plattDecision(platt, score)),
    labels,
    0,
  );
}
