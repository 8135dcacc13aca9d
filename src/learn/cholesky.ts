/** Smallest pivot of the factorisation, as a part of the diagonal. */
const PIVOT = 1e-10;

/**
 * Cholesky factorisation of `[n, n]` in place, lower triangle (what stands above is lost); pivots are kept positive, so that copies of a
 * column do no harm. In tiles of four rows and two columns, whose sums stay in registers: a plain loop waits for each addition.
 */
export function factorise(l: Float64Array, n: number): void {
  const smallest = Float64Array.from({ length: n }, (_, a) => Math.max(PIVOT * l[a * n + a], 1e-300));
  for (let top = 0; top < n; top += 4) {
    const bottom = Math.min(n, top + 4);
    for (let left = 0; left < bottom; left += 2) {
      const right = Math.min(n, left + 2);
      if (bottom - top === 4 && right - left === 2) subtractTile(l, n, top, left);
      else
        for (let a = top; a < bottom; a++)
          for (let b = left; b < right; b++)
            for (let k = 0; k < left; k++) l[a * n + b] -= l[a * n + k] * l[b * n + k];
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
}

/** l[a][b] -= sum over k < left of l[a][k] l[b][k], for four rows from `top` and two columns from `left`. */
function subtractTile(l: Float64Array, n: number, top: number, left: number): void {
  const a0 = top * n;
  const a1 = a0 + n;
  const a2 = a1 + n;
  const a3 = a2 + n;
  const b0 = left * n;
  const b1 = b0 + n;
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  for (let k = 0; k < left; k++) {
    const x = l[b0 + k];
    const y = l[b1 + k];
    const r0 = l[a0 + k];
    const r1 = l[a1 + k];
    const r2 = l[a2 + k];
    const r3 = l[a3 + k];
    s00 += r0 * x;
    s01 += r0 * y;
    s10 += r1 * x;
    s11 += r1 * y;
    s20 += r2 * x;
    s21 += r2 * y;
    s30 += r3 * x;
    s31 += r3 * y;
  }
  l[a0 + left] -= s00;
  l[a0 + left + 1] -= s01;
  l[a1 + left] -= s10;
  l[a1 + left + 1] -= s11;
  l[a2 + left] -= s20;
  l[a2 + left + 1] -= s21;
  l[a3 + left] -= s30;
  l[a3 + left + 1] -= s31;
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
