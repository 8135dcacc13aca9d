import assert from 'node:assert/strict';
import { it } from 'node:test';
import { minimiseModel } from '../../src/learn/quadratic.js';
import { seededRandom } from '../support/random.js';

/** ||v||_1 - q . (v - start) + (v - start)^T H (v - start) / 2. */
function value(h: Float64Array, start: Float64Array, q: Float64Array, v: Float64Array): number {
  const n = v.length;
  let sum = 0;
  for (let a = 0; a < n; a++) {
    sum += Math.abs(v[a]) - q[a] * (v[a] - start[a]);
    for (let b = 0; b < n; b++) sum += 0.5 * h[a * n + b] * (v[a] - start[a]) * (v[b] - start[b]);
  }
  return sum;
}

/** The smallest value over a fine descent from many starts: pattern search, which needs no derivative and no signs. */
function search(f: (v: Float64Array) => number, from: Float64Array): number {
  const v = from.slice();
  let best = f(v);
  for (let step = 4; step > 1e-9; ) {
    let improved = false;
    for (let a = 0; a < v.length; a++) {
      for (const target of [v[a] + step, v[a] - step, 0]) {
        const old = v[a];
        v[a] = target;
        const now = f(v);
        if (now < best) {
          best = now;
          improved = true;
        } else v[a] = old;
      }
    }
    if (!improved) step /= 2;
  }
  return best;
}

it('finds the minimum that a search without derivatives finds', () => {
  const random = seededRandom(3);
  for (let trial = 0; trial < 20; trial++) {
    const n = 2 + (trial % 4);
    const factor = Float64Array.from({ length: n * n }, () => random() - 0.3);
    const h = new Float64Array(n * n);
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        for (let k = 0; k < n; k++) h[a * n + b] += factor[k * n + a] * factor[k * n + b];
        if (a === b) h[a * n + b] += 0.1;
      }
    }
    const start = Float64Array.from({ length: n }, () => (random() < 0.4 ? 0 : 4 * (random() - 0.5)));
    const q = Float64Array.from({ length: n }, () => 6 * (random() - 0.5));
    const found = value(h, start, q, minimiseModel(h, start, q));
    const expected = search((v) => value(h, start, q, v), start);
    const begin = value(h, start, q, start);
    // A step need not be exact: one per cent of the slope is allowed to be left.
    assert.ok(
      found <= expected + 1e-3 * (begin - expected) + 1e-9,
      `trial ${trial}: ${found} against ${expected}`,
    );
  }
});

it('stands copies of a column and nearly parallel ones, where plain coordinate descent creeps', () => {
  for (const angle of [0, 1e-7, 1e-4]) {
    const h = Float64Array.of(1, 1 - angle, 1 - angle, 1).map((entry) => 10 * entry);
    const start = Float64Array.of(1, -1);
    const q = Float64Array.of(3, 2.5);
    const v = minimiseModel(h, start, q);
    assert.ok(v.every(Number.isFinite));
    const expected = search((u) => value(h, start, q, u), Float64Array.of(0, 0));
    assert.ok(
      value(h, start, q, v) <= expected + 0.02 * (value(h, start, q, start) - expected),
      `angle ${angle}`,
    );
  }
});
