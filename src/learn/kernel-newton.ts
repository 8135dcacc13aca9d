import { factorise, solve } from './cholesky.js';
import type { Kernel } from './kernel.js';
import { curvatures, dualAt, type LogisticLoss, lossAt, residuals } from './logistic.js';

/** A model w = X^T a of L2-regularised logistic regression, with its margins. */
export interface KernelModel {
  /** One value for each row, zero for rows that do not take part. */
  a: Float64Array;
  intercept: number;
  /** K a + b on all rows, also those that do not take part. */
  z: Float64Array;
}

export interface KernelSolution extends KernelModel {
  primal: number;
  /** A lower bound of the objective over all models. */
  dual: number;
}

const MOST_STEPS = 100;
/** Relative precision of a Newton step; the gradient is exact, so it decides only how many steps there are. */
const STEP_PRECISION = 1e-5;

export function emptyKernelModel(rows: number): KernelModel {
  return { a: new Float64Array(rows), intercept: 0, z: new Float64Array(rows) };
}

/**
 * Minimises ||w||^2 / 2 + loss(X w + b) over w and b (b is not penalised) to a duality gap of `tolerance` times the objective.
 * The optimal w is X^T a (representer theorem), so only K = X X^T is needed: Newton steps in a and b with a line search, from
 * `start`. With S^2 the curvatures of the loss, a step of da and db solves (K + S^-2) da + db = S^-2 (r - a), sum (a + da) = 0; its
 * matrix is S^-1 (1 + S K S) S^-1, in which curvatures near zero do no harm (Rasmussen and Williams, 2006, section 3.4).
 */
export function fitKernel(
  kernel: Kernel,
  loss: LogisticLoss,
  start: KernelModel,
  tolerance: number,
  system: NewtonSystem,
): KernelSolution {
  const { rows } = kernel;
  let { a, intercept, z } = start;
  const r = new Float64Array(rows);
  const d = new Float64Array(rows);
  let best = Number.NEGATIVE_INFINITY;
  let primal = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    residuals(loss, z, r);
    primal = 0.5 * quadratic(a, z, intercept) + lossAt(loss, z);
    best = Math.max(best, dualOf(kernel, loss, r));
    if (primal - best <= tolerance * primal) break;

    curvatures(loss, r, d);
    system.setCurvatures(d);
    const wanted = new Float64Array(rows);
    const ones = new Float64Array(rows);
    for (let i = 0; i < rows; i++) {
      if (d[i] === 0) continue;
      wanted[i] = (r[i] - a[i]) / d[i];
      ones[i] = 1;
    }
    const u = system.solve(wanted);
    const v = system.solve(ones);
    const shift = (sum(a) + sum(u)) / sum(v);
    const change = u.map((value, i) => value - shift * v[i]);
    const changeOfZ = multiplyKernel(kernel, change);
    let moved = false;
    for (let t = 1; t > 1e-9; t /= 2) {
      const nextA = a.map((value, i) => value + t * change[i]);
      const nextZ = z.map((value, i) => value + t * (changeOfZ[i] + shift));
      const b = intercept + t * shift;
      if (0.5 * quadratic(nextA, nextZ, b) + lossAt(loss, nextZ) >= primal) continue;
      [a, z, intercept] = [nextA, nextZ, b];
      moved = true;
      break;
    }
    if (!moved) break;
  }
  return { a, intercept, z, primal, dual: best };
}

/** a . K a, where z = K a + b. */
function quadratic(a: Float64Array, z: Float64Array, b: number): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * (z[i] - b);
  return total;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The dual objective sum of C_i entropy - theta . K theta / 2 at theta = r, after the larger class is scaled down to sum theta = 0. */
function dualOf(kernel: Kernel, loss: LogisticLoss, r: Float64Array): number {
  let up = 0;
  let down = 0;
  for (const value of r) {
    if (value > 0) up += value;
    else down -= value;
  }
  const [onUp, onDown] = up > down ? [down / up, 1] : [1, up / down];
  const theta = r.map((value) => value * (value > 0 ? onUp : onDown));
  return dualAt(loss, theta, 1) - 0.5 * quadratic(theta, multiplyKernel(kernel, theta), 0);
}

/** K v. */
export function multiplyKernel({ rows, values }: Kernel, v: Float64Array): Float64Array {
  const result = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const row = i * rows;
    let even = 0;
    let odd = 0;
    let k = 0;
    for (; k + 1 < rows; k += 2) {
      even += values[row + k] * v[k];
      odd += values[row + k + 1] * v[k + 1];
    }
    if (k < rows) even += values[row + k] * v[k];
    result[i] = even + odd;
  }
  return result;
}

/** Solves with K + S^-2, over the rows whose curvature is not zero. */
export interface NewtonSystem {
  /** S^2 for the solves that follow. */
  setCurvatures(d: Float64Array): void;
  solve(v: Float64Array): Float64Array;
}

/**
 * Conjugate gradients on 1 + S K S with the Cholesky factor of an earlier S as preconditioner. A new factor costs as much as
 * n / 9 of their steps, and is made when a quarter of that was not enough.
 */
export function createNewtonSystem(kernel: Kernel, used: number[]): NewtonSystem {
  const { rows, values } = kernel;
  const n = used.length;
  const patience = Math.max(8, Math.floor(n / 36));
  const root = new Float64Array(rows);
  const factor = new Float64Array(n * n);
  let factorised = false;

  const refactorise = () => {
    for (let a = 0; a < n; a++) {
      const i = used[a];
      for (let b = 0; b <= a; b++) {
        const k = used[b];
        factor[a * n + b] = root[i] * values[i * rows + k] * root[k] + (a === b ? 1 : 0);
      }
    }
    factorise(factor, n);
    factorised = true;
  };
  /** (1 + S K S) v. */
  const apply = (v: Float64Array): Float64Array => {
    const full = new Float64Array(rows);
    for (let a = 0; a < n; a++) full[used[a]] = root[used[a]] * v[a];
    const product = multiplyKernel(kernel, full);
    return v.map((value, a) => value + root[used[a]] * product[used[a]]);
  };
  const precondition = (v: Float64Array): Float64Array => {
    const result = v.slice();
    solve(factor, n, result);
    return result;
  };
  const dot = (a: Float64Array, b: Float64Array) => a.reduce((total, value, i) => total + value * b[i], 0);
  const iterate = (target: Float64Array): { x: Float64Array; converged: boolean } => {
    let x = precondition(target);
    const product = apply(x);
    const rest = target.map((value, i) => value - product[i]);
    const enough = STEP_PRECISION ** 2 * dot(target, target);
    let direction = precondition(rest);
    let energy = dot(rest, direction);
    for (let step = 0; step < patience; step++) {
      if (dot(rest, rest) <= enough) return { x, converged: true };
      const image = apply(direction);
      const length = energy / dot(direction, image);
      x = x.map((value, i) => value + length * direction[i]);
      for (let i = 0; i < n; i++) rest[i] -= length * image[i];
      const next = precondition(rest);
      const nextEnergy = dot(rest, next);
      const keep = nextEnergy / energy;
      energy = nextEnergy;
      direction = next.map((value, i) => value + keep * direction[i]);
    }
    return { x, converged: false };
  };
  return {
    setCurvatures(d) {
      for (let i = 0; i < rows; i++) root[i] = Math.sqrt(d[i]);
      if (!factorised) refactorise();
    },
    solve(v) {
      const target = Float64Array.from(used, (i) => root[i] * v[i]);
      let { x, converged } = iterate(target);
      if (!converged) {
        refactorise();
        x = iterate(target).x;
      }
      const result = new Float64Array(rows);
      for (let a = 0; a < n; a++) result[used[a]] = root[used[a]] * x[a];
      return result;
    },
  };
}
