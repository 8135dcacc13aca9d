const MOST_ROUNDS = 60;
const SWEEPS = 8;
/** A factorisation of n columns costs as much as n / 3 sweeps or more: large ones are put off until many sweeps were not enough. */
const SWEEPS_PER_COLUMN = 1 / 48;
/** Largest breach of the optimality conditions at the end, where 1 is the penalty's slope, and as a part of that at the start. */
const PRECISION = 1e-9;
const RELATIVE = 0.01;
/** Smallest pivot of the factorisation, as a part of the diagonal. */
const PIVOT = 1e-10;

/**
 * Minimises ||v||_1 - q . (v - start) + (v - start)^T H (v - start) / 2 for a positive semidefinite H `[n, n]`, as exactly as a
 * Newton step that starts from here can make use of. Returns v.
 *
 * Coordinate descent finds out which coordinates are in use and with which sign; on strongly correlated columns it
 * then creeps, so after some sweeps the coordinates in use are solved for together (Cholesky), as far as signs stay.
 */
export function minimiseModel(h: Float64Array, start: Float64Array, pull: Float64Array): Float64Array {
  const v = start.slice();
  // q, minus the derivative of the smooth part at v.
  const q = pull.slice();
  const enough = Math.max(PRECISION, RELATIVE * Math.min(1, breach(v, q)));
  const sweeps = SWEEPS + Math.floor(SWEEPS_PER_COLUMN * v.length);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (let sweep = 0; sweep < sweeps; sweep++) {
      descend(h, v, q);
      if (sweep % SWEEPS === SWEEPS - 1 && breach(v, q) <= enough) return v;
    }
    if (breach(v, q) <= enough) break;
    solveInUse(h, v, q);
  }
  return v;
}

/** One sweep of coordinate descent. */
function descend(h: Float64Array, v: Float64Array, q: Float64Array): void {
  const n = v.length;
  for (let a = 0; a < n; a++) {
    const old = v[a];
    const curvature = h[a * n + a];
    if (curvature <= 0) continue;
    const target = q[a] + curvature * old;
    const size = Math.abs(target) - 1;
    const next = size <= 0 ? 0 : (Math.sign(target) * size) / curvature;
    if (next !== old) move(h, v, q, a, next);
  }
}

function move(h: Float64Array, v: Float64Array, q: Float64Array, a: number, next: number): void {
  const change = next - v[a];
  v[a] = next;
  const row = a * v.length;
  for (let b = 0; b < v.length; b++) q[b] -= h[row + b] * change;
}

function breach(v: Float64Array, q: Float64Array): number {
  let worst = 0;
  for (let a = 0; a < v.length; a++) {
    const amount = v[a] === 0 ? Math.abs(q[a]) - 1 : Math.abs(q[a] - Math.sign(v[a]));
    if (amount > worst) worst = amount;
  }
  return worst;
}

/**
 * Moves to the minimum over the coordinates in use with their signs, those that would change sign to zero. When that does
 * not lower the model (it mostly does), moves towards it only until the first one becomes zero.
 */
function solveInUse(h: Float64Array, v: Float64Array, q: Float64Array): void {
  const n = v.length;
  const used: number[] = [];
  for (let a = 0; a < n; a++) if (v[a] !== 0) used.push(a);
  const m = used.length;
  const factor = new Float64Array(m * m);
  for (let a = 0; a < m; a++) for (let b = 0; b <= a; b++) factor[a * m + b] = h[used[a] * n + used[b]];
  factorise(factor, m);
  const step = Float64Array.from(used, (a) => q[a] - Math.sign(v[a]));
  solve(factor, m, step);

  const before = { v: v.slice(), q: q.slice() };
  let reach = 1;
  let first = -1;
  for (let k = 0; k < m; k++) {
    const a = used[k];
    const old = v[a];
    const next = old + step[k];
    if (old * next > 0) {
      move(h, v, q, a, next);
      continue;
    }
    move(h, v, q, a, 0);
    if (-old / step[k] < reach) {
      reach = -old / step[k];
      first = k;
    }
  }
  if (first < 0 || change(before, v, q) < 0) return;
  v.set(before.v);
  q.set(before.q);
  for (let k = 0; k < m; k++) move(h, v, q, used[k], k === first ? 0 : v[used[k]] + reach * step[k]);
}

/** By how much the model changed; q is linear in v, so its mean gives the quadratic part exactly. */
function change(before: { v: Float64Array; q: Float64Array }, v: Float64Array, q: Float64Array): number {
  let sum = 0;
  for (let a = 0; a < v.length; a++) {
    if (v[a] === before.v[a]) continue;
    sum += Math.abs(v[a]) - Math.abs(before.v[a]) - ((q[a] + before.q[a]) / 2) * (v[a] - before.v[a]);
  }
  return sum;
}

/**
 * Cholesky factorisation in place, lower triangle (what stands above is lost); pivots are kept positive, so that copies of a
 * column do no harm. In tiles of four rows and two columns, whose sums stay in registers: a plain loop waits for each addition.
 */
function factorise(l: Float64Array, n: number): void {
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

function solve(l: Float64Array, n: number, x: Float64Array): void {
  for (let a = 0; a < n; a++) {
    for (let b = 0; b < a; b++) x[a] -= l[a * n + b] * x[b];
    x[a] /= l[a * n + a];
  }
  for (let a = n - 1; a >= 0; a--) {
    for (let b = a + 1; b < n; b++) x[a] -= l[b * n + a] * x[b];
    x[a] /= l[a * n + a];
  }
}
