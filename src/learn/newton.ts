import { createGram } from './gram.js';
import { curvatures, dualAt, type LogisticLoss, lossAt, residuals } from './logistic.js';
import type { DenseMatrix } from './matrix.js';
import { minimiseModel } from './quadratic.js';
import type { Scanner } from './scanner.js';
import type { Workspace } from './workspace.js';

/** A fit over all columns of a small matrix, the last of which may be a column of ones (the intercept). */
export interface DenseFit {
  weights: Float64Array;
  /** X w. */
  z: Float64Array;
  primal: number;
  dual: number;
}

const MOST_STEPS = 100;
/** A step with a kept Gram matrix should at least divide the breach of the optimality conditions by this. */
const PROGRESS = 8;

/**
 * Minimises sum_j lambda_j |w_j| + loss(X w), lambda the (finite) `penalties`, over a dense matrix until primal - dual <= tolerance: proximal Newton steps, each a
 * quadratic model with the Gram matrix X^T D X. Only columns that are in use or break the
 * optimality conditions take part in a step. A Gram matrix is kept for further steps while D changes little; with exact
 * gradients and a line search that costs some steps and no accuracy.
 * Idea of the outer loop: Yuan, Ho, Lin, "An improved GLMNET for L1-regularized logistic regression" (2012).
 * `weights` and `z` are the start and are changed in place.
 */
export async function fitDense(
  matrix: DenseMatrix,
  loss: LogisticLoss,
  penalties: Float64Array,
  { weights, z }: { weights: Float64Array; z: Float64Array },
  tolerance: number,
  scanner: Scanner,
  workspace: Workspace,
): Promise<DenseFit> {
  const { rows, columns } = matrix;
  const r = workspace.float64('dense residuals', rows);
  const c = workspace.float64('dense correlations', columns);
  const d = new Float64Array(rows);
  const dz = new Float64Array(rows);
  const gram = createGram(matrix, scanner, workspace);
  let primal = 0;
  let dual = 0;
  let breach = Number.POSITIVE_INFINITY;
  for (let step = 0; step < MOST_STEPS; step++) {
    residuals(loss, z, r);
    await scanner.scan(matrix, { vectors: [r], products: [c] });
    let largest = 1;
    for (let j = 0; j < columns; j++) largest = Math.max(largest, Math.abs(c[j]) / penalties[j]);
    primal = penaltyOf(weights, penalties) + lossAt(loss, z);
    dual = Math.max(dual, dualAt(loss, r, 1 / largest));
    if (primal - dual <= tolerance) break;

    const active: number[] = [];
    for (let j = 0; j < columns; j++) if (weights[j] !== 0 || Math.abs(c[j]) > penalties[j]) active.push(j);
    curvatures(loss, r, d);
    const before = breach;
    breach = largestBreach(weights, c, penalties, active);
    let moved = false;
    for (const fresh of [gram.isStale(d) || breach * PROGRESS > before, true]) {
      const h = await gram.of(active, d, fresh);
      // In lambda_j w_j the slope of the penalty is 1.
      const size = Float64Array.from(active, (j) => penalties[j]);
      scaleBy(h, size);
      const target = minimiseModel(
        h,
        size.map((lambda, a) => lambda * weights[active[a]]),
        size.map((lambda, a) => c[active[a]] / lambda),
      );
      for (let a = 0; a < active.length; a++) target[a] /= size[a];
      moved = lineSearch(matrix, loss, penalties, active, target, weights, z, dz, c, primal);
      if (moved || fresh) break;
    }
    if (!moved) break;
  }
  return { weights, z, primal, dual };
}

/** h_ac / (size_a size_c), in place. */
function scaleBy(h: Float64Array, size: Float64Array): void {
  const n = size.length;
  for (let a = 0; a < n; a++) for (let c = 0; c < n; c++) h[a * n + c] /= size[a] * size[c];
}

/** How far the worst column is from the optimality conditions |c_j| <= lambda_j, c_j = lambda_j sign(w_j); as a part of lambda_j. */
function largestBreach(
  weights: Float64Array,
  c: Float64Array,
  penalties: Float64Array,
  active: number[],
): number {
  let worst = 0;
  for (const j of active) {
    const pull = c[j] / penalties[j];
    const amount = weights[j] === 0 ? Math.abs(pull) - 1 : Math.abs(pull - Math.sign(weights[j]));
    worst = Math.max(worst, amount);
  }
  return worst;
}

function penaltyOf(weights: Float64Array, penalties: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < weights.length; j++) sum += penalties[j] * Math.abs(weights[j]);
  return sum;
}

/** Moves weights and z towards `target` as far as the objective falls enough (Armijo). False: it does not fall at all. */
function lineSearch(
  matrix: DenseMatrix,
  loss: LogisticLoss,
  penalties: Float64Array,
  active: number[],
  target: Float64Array,
  weights: Float64Array,
  z: Float64Array,
  dz: Float64Array,
  c: Float64Array,
  primal: number,
): boolean {
  const moving: number[] = [];
  const change: number[] = [];
  let slope = 0;
  active.forEach((j, a) => {
    const difference = target[a] - weights[j];
    if (difference === 0) return;
    moving.push(j);
    change.push(difference);
    slope += penalties[j] * (Math.abs(target[a]) - Math.abs(weights[j])) - c[j] * difference;
  });
  if (moving.length === 0 || slope >= 0) return false;
  multiply(matrix, moving, change, dz);
  const start = Float64Array.from(moving, (j) => weights[j]);
  const origin = z.slice();
  for (let t = 1; t > 1e-9; t /= 2) {
    moving.forEach((j, k) => {
      weights[j] = t === 1 ? start[k] + change[k] : start[k] + t * change[k];
    });
    for (let i = 0; i < z.length; i++) z[i] = origin[i] + t * dz[i];
    if (penaltyOf(weights, penalties) + lossAt(loss, z) <= primal + 1e-3 * t * slope) return true;
  }
  moving.forEach((j, k) => {
    weights[j] = start[k];
  });
  z.set(origin);
  return false;
}

/** z = X w over chosen columns. */
export function multiply(
  matrix: DenseMatrix,
  chosen: number[],
  values: ArrayLike<number>,
  z: Float64Array,
): void {
  const x = matrix.blocks[0];
  for (let i = 0; i < matrix.rows; i++) {
    const row = i * matrix.columns;
    let sum = 0;
    for (let k = 0; k < chosen.length; k++) sum += values[k] * x[row + chosen[k]];
    z[i] = sum;
  }
}
