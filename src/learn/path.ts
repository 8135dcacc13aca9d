import { UserError } from '../errors.js';
import { type ClassWeights, lossOf } from './logistic.js';
import { type FeatureMatrix, rowCount } from './matrix.js';
import { createScanner, type Pass, type Scanner } from './scanner.js';
import { gatherColumns, openStore, type Store } from './store.js';
import { emptyModel, fitStore, type Model } from './working-set.js';
import { createWorkspace } from './workspace.js';

export interface PathPoint {
  C: number;
  /** ||w||_1 + |b| + sum C_i log(1 + exp(-y_i (w.x_i + b))); of scaled features where `standardise` asks for that. */
  objective: number;
  /** The objective is at most this far above the smallest one that any weights reach: primal minus dual objective. */
  dualGap: number;
  intercept: number;
  /** Ascending columns whose weight is not zero, as columns of the whole matrix. */
  indices: Uint32Array;
  /** For the features as they are, also where the fit was to scaled ones. */
  weights: Float64Array;
}

/** How the loss and the penalty are weighed; by default all rows, and all columns, count the same. */
export interface Weighing {
  /**
   * Fits to columns that are divided by their standard deviation over all rows of the matrix, and gives the weights for the features as
   * they are. Columns are not centred (scikit-learn's StandardScaler(with_mean=False)): the intercept is penalised like a weight,
   * and keeps its meaning of a score where all neurons are silent.
   */
  standardise?: boolean;
  classWeights?: ClassWeights;
}

export interface PathOptions extends Weighing {
  matrix: FeatureMatrix;
  /** 0 or 1 for each row; 1 (hallucinated) is y = +1. */
  labels: Uint8Array;
  /** Values of C, in any order. */
  grid: number[];
  /** Ascending: only these columns may get a weight. */
  columns?: Uint32Array;
  /** Duality gap at which a fit ends, as a part of its objective. */
  tolerance?: number;
  threads?: number;
  /** Bytes that the fit may use; a matrix that does not fit in is read from its file at every pass. */
  memory?: number;
  onPoint?: (point: PathPoint) => void;
  /** Called after each pass over a matrix in a file. */
  onPass?: (pass: Pass) => void;
  signal?: AbortSignal;
}

export const DEFAULT_TOLERANCE = 1e-5;

/**
 * The path of L1-regularised logistic regression along a grid of C, with liblinear's objective (L1R_LR: the intercept is
 * penalised as a weight is), each point with a duality gap that proves how near it is to the optimum. Points come in
 * ascending C, each started from the one before.
 * Throws a UserError for labels of one class only, a value of C that is not positive, and features that are not finite.
 */
export async function fitPath(options: PathOptions): Promise<PathPoint[]> {
  const { labels, columns, signal, onPass } = options;
  checkLabels(labels, rowCount(options.matrix));
  checkGrid(options.grid);
  const scanner = createScanner({ threads: options.threads, signal, onPass });
  try {
    const matrix = columns ? await gatherColumns(options.matrix, columns, scanner) : options.matrix;
    const { memory, standardise } = options;
    const store = await openStore(matrix, scanner, { memory, standardise });
    const everyRow = new Uint8Array(store.rows).fill(1);
    const points: PathPoint[] = [];
    for await (const { point } of pathOver(store, labels, everyRow, options, scanner)) {
      const indices = columns ? point.indices.map((j) => columns[j]) : point.indices;
      points.push({ ...point, indices });
      options.onPoint?.(points[points.length - 1]);
    }
    return points;
  } finally {
    await scanner.close();
  }
}

/** The path over an open store, fitted to the rows that `used` marks; `model.z` has the margins of all rows. */
export async function* pathOver(
  store: Store,
  labels: Uint8Array,
  used: Uint8Array,
  {
    grid,
    classWeights,
    tolerance = DEFAULT_TOLERANCE,
  }: Pick<PathOptions, 'grid' | 'classWeights' | 'tolerance'>,
  scanner: Scanner,
): AsyncGenerator<{ point: PathPoint; model: Model }> {
  const workspace = createWorkspace();
  let model: Model = emptyModel(store.rows);
  for (const C of [...new Set(grid)].sort((a, b) => a - b)) {
    const loss = lossOf(labels, used, C, classWeights);
    const solution = await fitStore(store, loss, model, tolerance, scanner, workspace);
    model = solution;
    const { primal, dual, intercept, indices, weights } = solution;
    yield {
      point: { C, objective: primal, dualGap: Math.max(0, primal - dual), intercept, indices, weights },
      model,
    };
  }
}

/** Throws a UserError unless there is a 0 or 1 for each row and both occur among the rows that `used` marks. */
export function checkLabels(labels: Uint8Array, rows: number): void {
  if (labels.length !== rows) {
    throw new UserError(
      `${labels.length} labels for ${rows} rows of features; there must be one for each row`,
    );
  }
  const wrong = labels.findIndex((label) => label > 1);
  if (wrong >= 0) throw new UserError(`label ${wrong} is ${labels[wrong]}; labels must be 0 or 1`);
  const ones = labels.reduce((sum, label) => sum + label, 0);
  if (ones === 0 || ones === rows) {
    throw new UserError(`all ${rows} labels are ${ones === 0 ? 0 : 1}; a detector needs rows of both kinds`);
  }
}

export function checkGrid(grid: number[]): void {
  const wrong = grid.find((C) => !(Number.isFinite(C) && C > 0));
  if (wrong !== undefined) throw new UserError(`C = ${wrong} is not a positive number`, { exitCode: 2 });
  if (grid.length === 0) throw new UserError('no value of C is given', { exitCode: 2 });
}
