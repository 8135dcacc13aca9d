import { reserve, simd } from './simd/simd.js';

/** Smallest pivot of the factorisation, as a part of the diagonal. */
const PIVOT = 1e-10;

/**
 * Cholesky factorisation of `[n, n]` in place, lower triangle (what stands above is lost); pivots are kept positive, so that copies of a
 * column do no harm. In tiles of four rows and two columns, with their products by SIMD.
 */
export function factorise(matrix: Float64Array, n: number): void {
  const smallest = Float64Array.from({ length: n }, (_, a) => Math.max(PIVOT * matrix[a * n + a], 1e-300));
  const memory = new Float64Array(reserve(8 * (n * n + 8)));
  const l = memory.subarray(0, n * n);
  const sums = memory.subarray(n * n, n * n + 8);
  const { dots } = simd();
  l.set(matrix);
  for (let top = 0; top < n; top += 4) {
    const bottom = Math.min(n, top + 4);
    for (let left = 0; left < bottom; left += 2) {
      const right = Math.min(n, left + 2);
      if (left > 0 && bottom - top === 4 && right - left === 2) {
        dots(8 * top * n, 8 * left * n, 8 * n, left, 8 * n * n);
        for (let k = 0; k < 8; k++) l[(top + (k >> 1)) * n + left + (k & 1)] -= sums[k];
      } else {
        for (let a = top; a < bottom; a++)
          for (let b = left; b < right; b++)
            for (let k = 0; k < left; k++) l[a * n + b] -= l[a * n + k] * l[b * n + k];
      }
      for (let a = Math.max(top, left); a < bottom; a++) {
        for (let b = left; b < right && b <= a; b++) {
          let sum = l[a * n + b];
          for (let k = left; k < b; k++) sum -= l[a * n + k] * l[b * n + k];
          if (a === b) l[a * n + a] = Math.sqrt(Math.max(sum, smallest[a]));
          else l[a * n + b] = sum / l[b * n + b];
        }
      }
    }
  }
  matrix.set(l);
}

/** x = (L L^T)^-1 x, with L from `factorise`. */
export function solve(l: Float64Array, n: number, x: Float64Array): void {
  for (let a = 0; a < n; a++) {
    let rest = x[a];
    for (let b = 0; b < a; b++) rest -= l[a * n + b] * x[b];
    x[a] = rest / l[a * n + a];
  }
  // Row by row here as well: columns of a large factor are far apart in memory.
  for (let a = n - 1; a >= 0; a--) {
    const value = x[a] / l[a * n + a];
    x[a] = value;
    for (let b = 0; b < a; b++) x[b] -= l[a * n + b] * value;
  }
}
