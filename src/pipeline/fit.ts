import { fitPath, type PathPoint } from '../learn/path.js';
import { fitPlatt, type Platt, plattProbability } from '../stats/calibration.js';
import { accuracy } from '../stats/metrics.js';
import { derive, shuffle } from '../stats/random.js';
import { gatherColumns, linearScores } from './gather.js';
import type { TrainSettings } from './settings.js';

/** A training case: where its two feature rows begin in the file, and what it is. */
export interface TrainingCase {
  answer: number;
  other: number;
  hallucinated: boolean;
  group: string;
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

/**
 * Trains a detector (method.md section 4): the L1 path on all cases, C by grouped cross-validation, and Platt's
 * calibration. Called with few columns it trains a random control: both go through the same steps.
 *
 * The cross-validated figure of a C is the accuracy on held-out answers, where an answer is called hallucinated when its
 * calibrated probability is above one half: in 3-vs-1 most rows have label 0, so that 0 would be the wrong threshold for the raw
 * score. Equal figures go to the smaller C, which is the sparser model.
 */
export async function fitDetector(
  data: TrainingData,
  settings: TrainSettings,
  options: { signal?: AbortSignal; onFit?: (done: number, total: number) => void } = {},
): Promise<Fit> {
  const { grid } = settings;
  const { cases } = data;
  const folds = assignFolds(cases, settings.folds, settings.seed);
  const total = settings.folds + 1;
  const labels = cases.map((one) => (one.hallucinated ? 1 : 0));
  /** Scores of each case under each C by the model of the other folds. */
  const held = grid.map(() => new Float64Array(cases.length));
  for (let fold = 0; fold < settings.folds; fold++) {
    options.onFit?.(fold, total);
    const inside = cases.filter((_, i) => folds[i] !== fold);
    const outside = cases.flatMap((_, i) => (folds[i] === fold ? [i] : []));
    if (outside.length === 0) continue;
    const points = await fitRows(data, inside, settings, options.signal);
    for (let c = 0; c < grid.length; c++) {
      const scores = await scoreRows(
        data,
        outside.map((i) => cases[i].answer),
        points[c],
      );
      outside.forEach((i, at) => {
        held[c][i] = scores[at];
      });
    }
  }
  options.onFit?.(settings.folds, total);
  const points = await fitRows(data, cases, settings, options.signal);
  options.onFit?.(total, total);

  const platts = held.map((scores) => fitPlatt(scores, labels));
  const figures = grid.map((C, c): GridPoint => {
    const probabilities = Array.from(held[c], (score) => plattProbability(platts[c], score));
    const { weights } = points[c];
    return {
      C,
      accuracy: accuracy(probabilities, labels, 0.5),
      neurons: weights.length,
      hNeurons: weights.filter((weight) => weight > 0).length,
    };
  });
  const best = chooseC(figures);
  const { C, intercept, indices, weights } = points[best];
  const rows = cases.length * (settings.mode === '3-vs-1' ? 2 : 1);
  return { C, intercept, indices, weights, platt: platts[best], grid: figures, rows };
}

/** The position of the most accurate grid point; of equal ones, the one with the fewest neurons, then the smallest C. */
export function chooseC(grid: GridPoint[]): number {
  let best = 0;
  grid.forEach((point, i) => {
    const gain = point.accuracy - grid[best].accuracy;
    if (gain > 1e-12 || (gain > -1e-12 && point.neurons < grid[best].neurons)) best = i;
  });
  return best;
}

/** A fold for each case: groups stay together, and each fold gets its share of both classes. */
export function assignFolds(
  cases: { group: string; hallucinated: boolean }[],
  folds: number,
  seed: number,
): number[] {
  const classes = new Map<string, boolean>();
  for (const one of cases) if (!classes.has(one.group)) classes.set(one.group, one.hallucinated);
  const random = derive(seed, 'folds');
  const fold = new Map<string, number>();
  for (const wanted of [true, false]) {
    const groups = [...classes].filter(([, hallucinated]) => hallucinated === wanted).map(([group]) => group);
    for (const group of shuffle(random, groups)) fold.set(group, fold.size % folds);
  }
  return cases.map((one) => fold.get(one.group)!);
}

async function fitRows(
  data: TrainingData,
  cases: TrainingCase[],
  settings: TrainSettings,
  signal: AbortSignal | undefined,
): Promise<PathPoint[]> {
  const three = settings.mode === '3-vs-1';
  const offsets = Float64Array.from([
    ...cases.map((one) => one.answer),
    ...(three ? cases.map((one) => one.other) : []),
  ]);
  const labels = new Uint8Array(offsets.length);
  cases.forEach((one, i) => {
    labels[i] = one.hallucinated ? 1 : 0;
  });
  const matrix = { path: data.path, columns: data.columns, offsets };
  return fitPath({ matrix, labels, grid: settings.grid, signal });
}

async function scoreRows(data: TrainingData, offsets: number[], point: PathPoint): Promise<Float64Array> {
  const values = await gatherColumns(data.path, offsets, data.columns, point.indices);
  return linearScores(values, point.weights, point.intercept, offsets.length);
}
