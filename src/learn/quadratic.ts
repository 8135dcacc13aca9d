import { factorise, solve } from './cholesky.js';

const MOST_ROUNDS = 60;
const SWEEPS = 8;
/** Largest breach of the optimality conditions at the end, where 1 is the penalty's slope, and as a part of that at the start. */
const PRECISION = 1e-9;
const RELATIVE = 0.01;

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
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (let sweep = 0; sweep < SWEEPS; sweep++) descend(h, v, q);
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
