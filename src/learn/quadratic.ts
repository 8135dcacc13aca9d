const MOST_ROUNDS = 60;
const SWEEPS = 8;
/** Largest breach of the optimality conditions, where 1 is the penalty's slope. */
const PRECISION = 1e-9;

/**
 * Minimises ||v||_1 - q . (v - start) + (v - start)^T H (v - start) / 2 for a positive semidefinite H `[n, n]`. Returns v.
 *
 * Coordinate descent finds out which coordinates are in use and with which sign; on strongly correlated columns it
 * then creeps, so after some sweeps the coordinates in use are solved for together (Cholesky), as far as no sign changes.
 */
export function minimiseModel(h: Float64Array, start: Float64Array, pull: Float64Array): Float64Array {
  const v = start.slice();
  // q, minus the derivative of the smooth part at v.
  const q = pull.slice();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    for (let sweep = 0; sweep < SWEEPS; sweep++) descend(h, v, q);
    if (breach(v, q) <= PRECISION) break;
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

/** Moves towards the minimum over the coordinates in use, signs kept, and stops at the first one that becomes zero. */
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
  let reach = 1;
  let first = -1;
  for (let k = 0; k < m; k++) {
    const old = v[used[k]];
    if (old * (old + step[k]) >= 0 && step[k] !== -old) continue;
    const t = -old / step[k];
    if (t < reach) {
      reach = t;
      first = k;
    }
  }
  for (let k = 0; k < m; k++) move(h, v, q, used[k], k === first ? 0 : v[used[k]] + reach * step[k]);
}

/** Cholesky factorisation in place, lower triangle; pivots are kept positive, so that copies of a column do no harm. */
function factorise(l: Float64Array, n: number): void {
  for (let a = 0; a < n; a++) {
    const rowA = a * n;
    for (let b = 0; b <= a; b++) {
      const rowB = b * n;
      let sum = l[rowA + b];
      for (let k = 0; k < b; k++) sum -= l[rowA + k] * l[rowB + k];
      if (a === b) l[rowA + a] = Math.sqrt(Math.max(sum, 1e-10 * l[rowA + a], 1e-300));
      else l[rowA + b] = sum / l[rowB + b];
    }
  }
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
