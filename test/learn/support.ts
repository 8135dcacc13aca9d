import { writeFileSync } from 'node:fs';
import { encodeHalves, halfToFloat } from '../../src/formats/float16.js';
import { npyHeader } from '../../src/formats/npy.js';
import { type DenseMatrix, denseMatrix, type RowMatrix } from '../../src/learn/matrix.js';
import type { PathPoint } from '../../src/learn/path.js';
import { seededRandom } from '../support/random.js';

export interface Problem {
  rows: number;
  columns: number;
  /** `[rows, columns]`, float32 values. */
  x: Float32Array;
  labels: Uint8Array;
}

/** Non-negative, correlated columns of different sizes, and labels that a few of them explain. */
export function randomProblem(rows: number, columns: number, seed: number): Problem {
  const random = seededRandom(seed);
  const normal = () => random() + random() + random() + random() - 2;
  const x = new Float32Array(rows * columns);
  const labels = new Uint8Array(rows);
  const scale = Float64Array.from({ length: columns }, () => Math.exp(2 * normal()));
  for (let i = 0; i < rows; i++) {
    const factor = normal();
    let logit = 0;
    for (let j = 0; j < columns; j++) {
      const value = Math.abs(normal() + (j % 3) * factor);
      x[i * columns + j] = scale[j] * value;
      if (j % 7 === 0 && j < 40) logit += (j % 2 ? 4 : -4) * (value - 0.6);
    }
    labels[i] = random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  }
  return { rows, columns, x, labels };
}

export function inMemory({ rows, columns, x }: Problem): DenseMatrix {
  return denseMatrix(rows, columns, x);
}

export function inFile({ rows, columns, x }: Problem, path: string): RowMatrix {
  const header = npyHeader('f4', [rows, columns]);
  writeFileSync(path, Buffer.concat([header, new Uint8Array(x.buffer)]));
  const offsets = Float64Array.from({ length: rows }, (_, i) => header.length + 4 * columns * i);
  return { path, columns, offsets };
}

/** The problem as float16 in a file, and what its values have become by that. */
export function inHalves(problem: Problem, path: string): { matrix: RowMatrix; rounded: Problem } {
  const { rows, columns } = problem;
  const bits = new Uint16Array(problem.x.length);
  encodeHalves(problem.x, bits);
  const header = npyHeader('f2', [rows, columns]);
  writeFileSync(path, Buffer.concat([header, new Uint8Array(bits.buffer)]));
  const offsets = Float64Array.from({ length: rows }, (_, i) => header.length + 2 * columns * i);
  const x = Float32Array.from(bits, halfToFloat);
  return { matrix: { path, columns, dtype: 'F16', offsets }, rounded: { ...problem, x } };
}

/** Weights with a place for every column; the intercept last. */
export function spread({ columns }: { columns: number }, point: PathPoint): Float64Array {
  const w = new Float64Array(columns + 1);
  point.indices.forEach((j, k) => {
    w[j] = point.weights[k];
  });
  w[columns] = point.intercept;
  return w;
}

/** The objective from its definition, `w` with the intercept last. */
export function objective({ rows, columns, x, labels }: Problem, w: Float64Array, C: number): number {
  let sum = w.reduce((total, value) => total + Math.abs(value), 0);
  for (let i = 0; i < rows; i++) {
    let z = w[columns];
    for (let j = 0; j < columns; j++) z += w[j] * x[i * columns + j];
    const m = labels[i] ? z : -z;
    sum += C * (m > 0 ? Math.log1p(Math.exp(-m)) : Math.log1p(Math.exp(m)) - m);
  }
  return sum;
}

/**
 * The duality gap from its definition, for a model made by any means: theta = C sigma(-m) y, scaled until all columns and the
 * intercept keep |x_j . theta| <= 1; dual objective sum of C * entropy.
 */
export function dualityGap(problem: Problem, w: Float64Array, C: number): number {
  const { rows, columns, x, labels } = problem;
  const theta = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let z = w[columns];
    for (let j = 0; j < columns; j++) z += w[j] * x[i * columns + j];
    theta[i] = labels[i] ? C / (1 + Math.exp(z)) : -C / (1 + Math.exp(-z));
  }
  let largest = Math.max(1, Math.abs(theta.reduce((a, b) => a + b, 0)));
  for (let j = 0; j < columns; j++) {
    let c = 0;
    for (let i = 0; i < rows; i++) c += theta[i] * x[i * columns + j];
    largest = Math.max(largest, Math.abs(c));
  }
  let dual = 0;
  for (const value of theta) {
    const t = Math.abs(value) / largest / C;
    for (const part of [t, 1 - t]) if (part > 0) dual -= C * part * Math.log(part);
  }
  return objective(problem, w, C) - dual;
}

/** The minimum found by another method: proximal gradient with momentum (FISTA), restarted, on scaled columns. */
export function slowMinimum(problem: Problem, C: number, steps = 20000): number {
  const { rows, columns, x, labels } = problem;
  const p = columns + 1;
  // Column scaling makes a gradient method bearable; the penalty is scaled along.
  const size = new Float64Array(p).fill(0);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) size[j] += x[i * columns + j] ** 2;
    size[columns] += 1;
  }
  for (let j = 0; j < p; j++) size[j] = Math.sqrt(size[j]) || 1;
  // The scaled matrix has unit columns: the largest eigenvalue of its Gram matrix is at most p.
  const stepSize = 4 / (C * p);
  let u = new Float64Array(p);
  let v = u.slice();
  let momentum = 1;
  let best = Number.POSITIVE_INFINITY;
  for (let step = 0; step < steps; step++) {
    const gradient = new Float64Array(p);
    for (let i = 0; i < rows; i++) {
      let z = v[columns] / size[columns];
      for (let j = 0; j < columns; j++) z += (v[j] / size[j]) * x[i * columns + j];
      const r = labels[i] ? -C / (1 + Math.exp(z)) : C / (1 + Math.exp(-z));
      for (let j = 0; j < columns; j++) gradient[j] += (r * x[i * columns + j]) / size[j];
      gradient[columns] += r / size[columns];
    }
    const next = v.map((value, j) => {
      const moved = value - stepSize * gradient[j];
      return Math.sign(moved) * Math.max(0, Math.abs(moved) - stepSize / size[j]);
    });
    const later = (1 + Math.sqrt(1 + 4 * momentum ** 2)) / 2;
    v = next.map((value, j) => value + ((momentum - 1) / later) * (value - u[j]));
    momentum = later;
    u = next;
    if (step % 200 === 199) {
      const now = objective(
        problem,
        Float64Array.from(u, (value, j) => value / size[j]),
        C,
      );
      if (best - now < 1e-13 * best && step > 2000) break;
      if (now > best) momentum = 1;
      best = Math.min(best, now);
    }
  }
  return best;
}

/** Standard deviation of each column, by two passes. */
export function deviations({ rows, columns, x }: Problem): Float64Array {
  return Float64Array.from({ length: columns }, (_, j) => {
    const column = Array.from({ length: rows }, (_, i) => x[i * columns + j]);
    const mean = column.reduce((a, b) => a + b, 0) / rows;
    return Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
  });
}

/** The problem with each column divided by a number. */
export function scaled(problem: Problem, by: Float64Array): Problem {
  return { ...problem, x: problem.x.map((value, at) => value / by[at % problem.columns]) };
}
