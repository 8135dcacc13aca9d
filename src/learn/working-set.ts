import { dualAt, type LogisticLoss, lossAt, residuals } from './logistic.js';
import type { DenseMatrix } from './matrix.js';
import { isDense } from './matrix.js';
import { fitDense, multiply } from './newton.js';
import type { Scanner } from './scanner.js';
import type { Store } from './store.js';
import type { Workspace } from './workspace.js';

/** Weights of a sparse model, with its margins z = X w + b on all rows. */
export interface Model {
  /** Ascending columns whose weight is not zero. */
  indices: Uint32Array;
  weights: Float64Array;
  intercept: number;
  z: Float64Array;
  /** The largest cost of a row at which the workspace has X^T r of this model, where it does: at other values of C it is a multiple. */
  correlatedAt?: number;
}

export interface Solution extends Model {
  primal: number;
  /** A lower bound of the objective over all models. */
  dual: number;
}

/** Columns above which a chosen set gets working sets of its own. */
const DIRECT = 8000;
const FIRST_SET = 64;
const MOST_ROUNDS = 60;
/** Bytes of columns gathered from a file. */
const GATHERED = 1 << 28;

export function emptyModel(rows: number): Model {
  return {
    indices: new Uint32Array(0),
    weights: new Float64Array(0),
    intercept: 0,
    z: new Float64Array(rows),
  };
}

/**
 * Minimises sum_j lambda_j |w_j| + |b| + loss(X w + b), with the penalties lambda of a store, over all its columns to a duality
 * gap of `tolerance` times the objective.
 *
 * Each round is one pass over the matrix: X^T r gives the gap and, with it, a ball that holds the dual optimum, so that
 * columns that cannot be in use are left out for good (gap safe screening: Ndiaye, Fercoq, Gramfort, Salmon 2017). When what
 * is left fits into memory, it is gathered and solved, which ends the fit without another pass: the bound for the smaller
 * problem is one for the whole. Otherwise the most promising columns are gathered and solved (working sets: Massias,
 * Gramfort, Salmon, "Celer", 2018), and the next pass tells what was missing.
 */
export async function fitStore(
  store: Store,
  loss: LogisticLoss,
  start: Model,
  tolerance: number,
  scanner: Scanner,
  workspace: Workspace,
): Promise<Solution> {
  const r = workspace.float64('residuals', store.rows);
  const c = workspace.float64('correlations', store.columns);
  const onDisk = !isDense(store.matrix);
  const capacity = Math.max(FIRST_SET, Math.floor(Math.min(GATHERED, store.memory / 2) / (4 * store.rows)));
  let model = start;
  let dual = 0;
  let primal = 0;
  let wanted = onDisk ? capacity : FIRST_SET;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    residuals(loss, model.z, r);
    if (model.correlatedAt) {
      const ratio = loss.largestCost / model.correlatedAt;
      for (let j = 0; j < c.length; j++) c[j] *= ratio;
    } else await scanner.scan(store.matrix, { vectors: [r], products: [c] });
    model = { ...model, correlatedAt: loss.largestCost };
    const pull = r.reduce((sum, value) => sum + value, 0);
    let largest = Math.max(1, Math.abs(pull));
    for (let j = 0; j < c.length; j++) largest = Math.max(largest, Math.abs(c[j]) / store.penalties[j]);
    primal = penalty(model, store.penalties) + lossAt(loss, model.z);
    const here = dualAt(loss, r, 1 / largest);
    dual = Math.max(dual, here);
    if (primal - dual <= tolerance * primal) break;

    const left = survivors(store, loss, c, pull, largest, primal - here);
    wanted = Math.max(wanted, 2 * model.indices.length);
    const all = left.length <= Math.min(wanted, capacity);
    const chosen = all ? left : best(store, c, left, Math.min(wanted, capacity), model.indices);
    const precision =
      all || onDisk ? 0.5 * tolerance * primal : Math.max(0.3 * tolerance * primal, 0.05 * (primal - dual));
    const solution = await fitColumns(store, loss, model, chosen, precision, scanner, workspace);
    if (all) return { ...solution, dual: Math.max(dual, solution.dual) };
    model = solution;
    wanted *= 1.5;
  }
  return { ...model, primal, dual };
}

function penalty({ indices, weights, intercept }: Model, penalties: Float64Array): number {
  return weights.reduce((sum, w, k) => sum + penalties[indices[k]] * Math.abs(w), Math.abs(intercept));
}

/**
 * Columns that may be in use at the optimum. theta = r / largest is dual feasible and, the dual being 4 / C-strongly concave (C: the
 * largest cost of a row), within R = sqrt(C gap / 2) of the optimal theta*. With x_j split into its mean and the rest,
 * |x_j . theta*| <= |x_j . theta| + |mean_j| |1 . (theta* - theta)| + ||x_j - mean_j|| R; and |1 . theta*| <= 1. Below lambda_j,
 * the weight is zero.
 */
function survivors(
  { means, spreads, penalties, rows }: Store,
  { largestCost }: LogisticLoss,
  c: Float64Array,
  pull: number,
  largest: number,
  gap: number,
): Uint32Array {
  const radius = Math.sqrt((largestCost * Math.max(0, gap)) / 2);
  const drift = Math.min(Math.sqrt(rows) * radius, 1 + Math.abs(pull) / largest);
  const left: number[] = [];
  for (let j = 0; j < c.length; j++) {
    const reach = Math.abs(c[j]) / largest + Math.abs(means[j]) * drift + spreads[j] * radius;
    if (reach >= penalties[j]) left.push(j);
  }
  return Uint32Array.from(left);
}

/** The `count` columns nearest to (or farthest beyond) the border |x_j . r| = lambda_j, and those in use; ascending. */
function best(
  { norms, penalties }: Store,
  c: Float64Array,
  left: Uint32Array,
  count: number,
  inUse: Uint32Array,
): Uint32Array {
  const scores = Float64Array.from(left, (j) => (Math.abs(c[j]) - penalties[j]) / norms[j]);
  const border = scores.slice().sort()[Math.max(0, scores.length - count)];
  const chosen = new Set(inUse);
  left.forEach((j, i) => {
    if (scores[i] >= border) chosen.add(j);
  });
  return Uint32Array.from(chosen).sort();
}

/** Solves the problem over chosen columns only, from a model whose columns are among them, to an absolute gap. */
async function fitColumns(
  store: Store,
  loss: LogisticLoss,
  model: Model,
  chosen: Uint32Array,
  precision: number,
  scanner: Scanner,
  workspace: Workspace,
): Promise<Solution> {
  const direct = chosen.length <= DIRECT;
  // A last column of ones makes the intercept a weight like the others.
  const stride = chosen.length + (direct ? 1 : 0);
  const into = workspace.float32('columns', store.rows * stride);
  await scanner.scan(store.matrix, { gathers: [{ columns: chosen, into, stride }] });
  const rowsPerBlock = 8 * Math.ceil(store.rows / 8);
  const matrix: DenseMatrix = { rows: store.rows, columns: stride, rowsPerBlock, blocks: [into] };
  const place = new Map<number, number>();
  chosen.forEach((j, s) => {
    place.set(j, s);
  });
  // A column may have been screened out since it got its weight; its part of z goes with it.
  const weights = new Float64Array(stride);
  model.indices.forEach((j, k) => {
    const s = place.get(j);
    if (s !== undefined) weights[s] = model.weights[k];
  });
  if (direct) {
    for (let i = 0; i < store.rows; i++) into[i * stride + stride - 1] = 1;
    weights[stride - 1] = model.intercept;
    const z = new Float64Array(store.rows);
    marginsOf(matrix, weights, z);
    const penalties = new Float64Array(stride).fill(1);
    chosen.forEach((j, s) => {
      penalties[s] = store.penalties[j];
    });
    const fit = await fitDense(matrix, loss, penalties, { weights, z }, precision, scanner, workspace);
    marginsOf(matrix, fit.weights, z);
    const sparse = nonZero(fit.weights.subarray(0, stride - 1));
    const intercept = fit.weights[stride - 1];
    const found: Model = {
      indices: sparse.map((s) => chosen[s]),
      weights: sparseWeights(fit.weights, sparse),
      intercept,
      z,
    };
    return { ...found, primal: penalty(found, store.penalties) + lossAt(loss, z), dual: fit.dual };
  }
  const indices = nonZero(weights);
  const z = new Float64Array(store.rows);
  marginsOf(matrix, weights, z);
  for (let i = 0; i < z.length; i++) z[i] += model.intercept;
  const inner: Store = {
    matrix,
    rows: store.rows,
    columns: stride,
    means: Float64Array.from(chosen, (j) => store.means[j]),
    spreads: Float64Array.from(chosen, (j) => store.spreads[j]),
    norms: Float64Array.from(chosen, (j) => store.norms[j]),
    penalties: Float64Array.from(chosen, (j) => store.penalties[j]),
    memory: store.memory / 2,
  };
  const first = { indices, weights: sparseWeights(weights, indices), intercept: model.intercept, z };
  const relative = precision / (penalty(first, inner.penalties) + lossAt(loss, z));
  const solution = await fitStore(inner, loss, first, relative, scanner, workspace.inner());
  return { ...solution, indices: solution.indices.map((s) => chosen[s]), correlatedAt: undefined };
}

function marginsOf(matrix: DenseMatrix, weights: Float64Array, z: Float64Array): void {
  const used = Array.from(nonZero(weights));
  multiply(
    matrix,
    used,
    used.map((s) => weights[s]),
    z,
  );
}

function nonZero(weights: Float64Array): Uint32Array {
  const places: number[] = [];
  for (let s = 0; s < weights.length; s++) if (weights[s] !== 0) places.push(s);
  return Uint32Array.from(places);
}

function sparseWeights(weights: Float64Array, places: Uint32Array): Float64Array {
  return Float64Array.from(places, (s) => weights[s]);
}
