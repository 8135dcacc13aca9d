import { UserError } from '../errors.js';
import { accuracy } from '../stats/metrics.js';
import { assignFolds } from './folds.js';
import { inLockstep } from './lockstep.js';
import { type FeatureMatrix, rowCount } from './matrix.js';
import { checkGrid, checkLabels, type PathPoint, pathOver, type Weighing } from './path.js';
import { createScanner } from './scanner.js';
import { openStore } from './store.js';

export interface CrossValidateOptions extends Weighing {
  matrix: FeatureMatrix;
  labels: Uint8Array;
  /** For each row: its question, whose rows stay together, and its kind, of which every fold gets a share. */
  groups: ArrayLike<string>;
  strata: ArrayLike<string>;
  /** 1 for the rows that count for the accuracy (in 3-vs-1 the answers only); default: all. */
  counted?: Uint8Array;
  grid: number[];
  folds: number;
  seed: number;
  /** Figure by which C is chosen, larger is better; default: share of rows with score > 0 exactly where the label is 1. */
  figure?: (scores: Float64Array, labels: Uint8Array) => number;
  tolerance?: number;
  threads?: number;
  memory?: number;
  onFit?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export interface ValidatedPoint {
  C: number;
  /** w.x + b of each row by the model that was fitted without its fold. */
  scores: Float64Array;
  /** The figure over the rows that count. */
  accuracy: number;
  /** Weights that are not zero, mean over the folds. */
  neurons: number;
  /** The fit to all rows. */
  final: PathPoint;
}

/** What is fitted: the rows outside each fold, and last all rows. */
interface Folds {
  /** For each row. */
  foldOf: Uint8Array;
  /** For each fit: 1 for the rows that take part. */
  marks: Uint8Array[];
}

/** Checks what both kinds of cross-validation are given, and deals the folds. Throws a UserError for a fold that leaves one class only. */
export function dealFolds(options: CrossValidateOptions): Folds {
  const { labels, folds } = options;
  const rows = rowCount(options.matrix);
  checkLabels(labels, rows);
  checkGrid(options.grid);
  const foldOf = assignFolds(options);
  const marks = Array.from({ length: folds }, (_, fold) =>
    Uint8Array.from(foldOf, (own) => (own === fold ? 0 : 1)),
  );
  for (const used of marks) {
    const kinds = new Set(labels.filter((_, i) => used[i] === 1));
    if (kinds.size < 2) {
      throw new UserError(
        `without one of its ${folds} folds the training data has only label ${[...kinds]}; more questions of the other kind are needed`,
      );
    }
  }
  marks.push(new Uint8Array(rows).fill(1));
  return { foldOf, marks };
}

/** The score of each row by the fit without its fold, from the margins of all fits, and the figure over the rows that count. */
export function heldOut(
  options: CrossValidateOptions,
  { foldOf }: Folds,
  margins: Float64Array[],
): { scores: Float64Array; accuracy: number } {
  const { labels, counted } = options;
  const figure = options.figure ?? ((scores, truth) => accuracy(scores, truth, 0));
  const scores = Float64Array.from(foldOf, (fold, i) => margins[fold][i]);
  const counts = (_: number, i: number) => counted?.[i] !== 0;
  return { scores, accuracy: figure(scores.filter(counts), labels.filter(counts)) };
}

/**
 * Fits the path to all rows and, for each fold, to the rows outside it, over one copy of the matrix and with shared passes.
 * Points come in ascending C. Class weights are those of the rows of each fit; scales are those of all rows (labels play no part in
 * them). Throws UserErrors as `fitPath`, `assignFolds` and `dealFolds` do.
 */
export async function crossValidate(options: CrossValidateOptions): Promise<ValidatedPoint[]> {
  const { labels, grid, folds, signal } = options;
  const dealt = dealFolds(options);
  const { marks } = dealt;

  const scanner = createScanner({ threads: options.threads, signal });
  try {
    const store = await openStore(options.matrix, scanner, {
      memory: options.memory,
      standardise: options.standardise,
    });
    const share = { ...store, memory: store.memory / marks.length };
    const total = marks.length * new Set(grid).size;
    let done = 0;
    const fitted = await inLockstep(
      scanner,
      store.matrix,
      marks.map((used) => async (together) => {
        const points: { point: PathPoint; z: Float64Array }[] = [];
        for await (const { point, model } of pathOver(share, labels, used, options, together)) {
          points.push({ point, z: model.z });
          done += 1;
          options.onFit?.(done, total);
        }
        return points;
      }),
    );
    return fitted[folds].map(({ point: final }, at) => {
      const neurons =
        fitted.slice(0, folds).reduce((sum, path) => sum + path[at].point.indices.length, 0) / folds;
      const held = heldOut(
        options,
        dealt,
        fitted.map((path) => path[at].z),
      );
      return { C: final.C, ...held, neurons, final };
    });
  } finally {
    await scanner.close();
  }
}

/** The point of the best accuracy; of those less than one sample worse, the one with the fewest neurons, then the smallest C. */
export function chooseC<Point extends { C: number; accuracy: number; neurons: number }>(
  points: Point[],
  samples: number,
): Point {
  const best = Math.max(...points.map(({ accuracy: value }) => value));
  const near = points.filter(({ accuracy: value }) => (best - value) * samples < 1 - 1e-9);
  return near.reduce((a, b) => (b.neurons < a.neurons || (b.neurons === a.neurons && b.C < a.C) ? b : a));
}
