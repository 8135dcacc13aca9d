import { setImmediate } from 'node:timers/promises';
import { type CrossValidateOptions, dealFolds, heldOut } from './cross-validate.js';
import { type Kernel, kernelOf } from './kernel.js';
import { createNewtonSystem, emptyKernelModel, fitKernel, type KernelSolution } from './kernel-newton.js';
import { lossOf } from './logistic.js';
import { type FeatureMatrix, rowCount } from './matrix.js';
import { checkGrid, checkLabels, type Weighing } from './path.js';
import { createScanner, type Scanner } from './scanner.js';
import { defaultMemory } from './store.js';

export interface RidgePoint {
  C: number;
  /** ||w||^2 / 2 + sum C_i log(1 + exp(-y_i (w.x_i + b))); of standardised features where that was asked for. */
  objective: number;
  /** The objective is at most this far above the smallest one that any weights reach. */
  dualGap: number;
  intercept: number;
  /** One for each column, for the features as they are. */
  weights: Float64Array;
}

export interface RidgeOptions extends Weighing {
  matrix: FeatureMatrix;
  /** 0 or 1 for each row; 1 (hallucinated) is y = +1. */
  labels: Uint8Array;
  /** Values of C, in any order. */
  grid: number[];
  /** Duality gap at which a fit ends, as a part of its objective. */
  tolerance?: number;
  threads?: number;
  memory?: number;
  signal?: AbortSignal;
}

export interface ValidatedRidge {
  C: number;
  /** w.x + b of each row by the model that was fitted without its fold. */
  scores: Float64Array;
  /** The figure over the rows that count. */
  accuracy: number;
  /** The fit to all rows. */
  final: RidgePoint;
}

const DEFAULT_TOLERANCE = 1e-8;

/**
 * L2-regularised logistic regression on all columns along a grid of C, in ascending C, with scikit-learn's default objective (lbfgs: the
 * intercept is not penalised). For few rows and any number of columns: exact by way of the kernel of the rows, in two
 * passes over the matrix. Throws a UserError as `fitPath` does, and for more rows than there is memory for.
 */
export async function fitRidge(options: RidgeOptions): Promise<RidgePoint[]> {
  const rows = rowCount(options.matrix);
  checkLabels(options.labels, rows);
  checkGrid(options.grid);
  const scanner = createScanner({ threads: options.threads, signal: options.signal });
  try {
    const kernel = await openKernel(options, scanner);
    const path = await pathOf(kernel, options, new Uint8Array(rows).fill(1), () => {});
    return await pointsOf(options.matrix, kernel, path, scanner);
  } finally {
    await scanner.close();
  }
}

/**
 * Fits the grid to all rows and, for each fold, to the rows outside it, all from one kernel. Folds are those of `crossValidate` with
 * the same options. Points come in ascending C. Throws UserErrors as `fitRidge` and `crossValidate` do.
 */
export async function crossValidateRidge(
  options: CrossValidateOptions & RidgeOptions,
): Promise<ValidatedRidge[]> {
  const dealt = dealFolds(options);
  const scanner = createScanner({ threads: options.threads, signal: options.signal });
  try {
    const kernel = await openKernel(options, scanner);
    const total = dealt.marks.length * new Set(options.grid).size;
    let done = 0;
    const paths: Fitted[][] = [];
    for (const used of dealt.marks) {
      paths.push(
        await pathOf(kernel, options, used, () => {
          done += 1;
          options.onFit?.(done, total);
        }),
      );
    }
    const points = await pointsOf(options.matrix, kernel, paths[options.folds], scanner);
    return points.map((final, at) => ({
      C: final.C,
      ...heldOut(
        options,
        dealt,
        paths.map((path) => path[at].z),
      ),
      final,
    }));
  } finally {
    await scanner.close();
  }
}

function openKernel(
  { matrix, standardise, memory = defaultMemory() }: RidgeOptions,
  scanner: Scanner,
): Promise<Kernel> {
  return kernelOf(matrix, scanner, { standardise, memory });
}

type Fitted = KernelSolution & { C: number };

async function pathOf(
  kernel: Kernel,
  { labels, grid, classWeights, tolerance = DEFAULT_TOLERANCE, signal }: RidgeOptions,
  used: Uint8Array,
  onFit: () => void,
): Promise<Fitted[]> {
  const system = createNewtonSystem(
    kernel,
    Array.from(used.keys()).filter((i) => used[i] === 1),
  );
  const path: Fitted[] = [];
  let model = emptyKernelModel(kernel.rows);
  for (const C of [...new Set(grid)].sort((a, b) => a - b)) {
    // A fit is one long computation: let progress out and an abort in.
    await setImmediate();
    signal?.throwIfAborted();
    const solution = fitKernel(kernel, lossOf(labels, used, C, classWeights), model, tolerance, system);
    model = solution;
    path.push({ C, ...solution });
    onFit();
  }
  return path;
}

/** w = diag(scale)^2 X^T a for every point, by one pass. */
async function pointsOf(
  matrix: FeatureMatrix,
  { scale }: Kernel,
  path: Fitted[],
  scanner: Scanner,
): Promise<RidgePoint[]> {
  const { products } = await scanner.scan(matrix, { vectors: path.map(({ a }) => a) });
  return path.map(({ C, intercept, primal, dual }, at) => ({
    C,
    objective: primal,
    dualGap: Math.max(0, primal - dual),
    intercept,
    weights: Float64Array.from(products[at], (value, j) => scale[j] ** 2 * value),
  }));
}
