import assert from 'node:assert/strict';
import { it } from 'node:test';
import { mcNemar } from '../../src/stats/mcnemar.js';
import { derive } from '../../src/stats/random.js';
import { bootstrapMean, itemSlopes } from '../../src/stats/slope.js';

/** Two-sided exact binomial test with p = 1/2, by adding up coefficients. */
function bruteForce(gained: number, lost: number): number {
  const n = gained + lost;
  const coefficients = [1];
  for (let k = 1; k <= n; k++) coefficients.push((coefficients[k - 1] * (n - k + 1)) / k);
  const tail = coefficients.slice(0, Math.min(gained, lost) + 1).reduce((sum, one) => sum + one, 0);
  return Math.min(1, (2 * tail) / 2 ** n);
}

it('McNemar counts changes in both directions and agrees with brute force', () => {
  for (const [gained, lost] of [
    [0, 0],
    [1, 0],
    [0, 6],
    [3, 9],
    [12, 4],
    [7, 7],
    [0, 30],
  ]) {
    const before = [...Array(gained).fill(false), ...Array(lost).fill(true), true, false];
    const after = [...Array(gained).fill(true), ...Array(lost).fill(false), true, false];
    const found = mcNemar(before, after);
    assert.deepEqual([found.gained, found.lost], [gained, lost]);
    const want = gained + lost === 0 ? 1 : bruteForce(gained, lost);
    assert.ok(Math.abs(found.p - want) < 1e-9, `${gained} ${lost}: ${found.p} ${want}`);
  }
  assert.throws(() => mcNemar([true], []), /1 items before, 0 after/);
});

it("the mean of the items' slopes is the least-squares slope of the mean curve", () => {
  const x = [0, 0.5, 1, 3];
  const values = [
    [0, 0, 1, 1],
    [1, 0, 0, 1],
    [0, 1, 1, 1],
  ];
  const slopes = itemSlopes(x, values);
  const mean = x.map((_, k) => values.reduce((sum, row) => sum + row[k], 0) / values.length);
  // The normal equations of a straight line.
  const n = x.length;
  const sx = x.reduce((a, b) => a + b, 0);
  const sy = mean.reduce((a, b) => a + b, 0);
  const sxy = x.reduce((sum, one, k) => sum + one * mean[k], 0);
  const sxx = x.reduce((sum, one) => sum + one * one, 0);
  const want = (n * sxy - sx * sy) / (n * sxx - sx * sx);
  assert.ok(Math.abs(slopes.reduce((a, b) => a + b, 0) / 3 - want) < 1e-12);
  assert.ok(Number.isNaN(itemSlopes([1], [[1]])[0]));
});

it('the bootstrap of a mean draws groups: two copies of each item say no more than one', () => {
  const values = Array.from({ length: 40 }, (_, i) => i % 2);
  const alone = bootstrapMean(
    values,
    values.map((_, i) => i),
    derive(1, 'a'),
  );
  const twice = bootstrapMean(
    [...values, ...values],
    [...values, ...values].map((_, i) => i % 40),
    derive(1, 'a'),
  );
  const width = ({ low, high }: { low: number; high: number }) => high - low;
  assert.ok(Math.abs(width(alone) - width(twice)) < 0.03);
  assert.ok(Math.abs(width(alone) - 2 * 1.96 * Math.sqrt(0.25 / 40)) < 0.05);
});
