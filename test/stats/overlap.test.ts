import assert from 'node:assert/strict';
import { test } from 'node:test';
import { correlatedGroups, pearson, spearman, unitVector } from '../../src/stats/correlation.js';
import { chanceJaccard, jaccard, pairwiseJaccard, spreadOf } from '../../src/stats/overlap.js';
import { choose, derive } from '../../src/stats/random.js';

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test('Jaccard by hand, of every pair once', () => {
  const [a, b, c] = [new Set([1, 2, 3]), new Set([2, 3, 4, 5]), new Set<number>()];
  near(jaccard(a, b), 2 / 5);
  assert.equal(jaccard(a, c), 0);
  assert.equal(jaccard(c, new Set()), 1);
  assert.deepEqual(pairwiseJaccard([a, b, c]), [2 / 5, 0, 0]);
});

test('the overlap by chance is that of sets drawn at random', () => {
  const random = derive(3, 'sets');
  let shared = 0;
  const rounds = 2000;
  for (let i = 0; i < rounds; i++) {
    const b = new Set(choose(random, 100, 30));
    for (const one of choose(random, 100, 20)) shared += b.has(one) ? 1 / rounds : 0;
  }
  const expected = shared / (50 - shared);
  near(chanceJaccard(20, 30, 100), expected, 0.01);
});

test('the spread is the mean and the middle of the values', () => {
  const values = Array.from({ length: 201 }, (_, i) => i / 200);
  const { estimate, low, high } = spreadOf(values);
  near(estimate, 0.5);
  near(low, 0.025, 0.005);
  near(high, 0.975, 0.005);
});

test('correlations by their definitions, ranks of ties shared', () => {
  const x = [1, 2, 2, 4, 7];
  const y = [3, 1, 4, 6, 20];
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  const covariance = mean(x.map((value, i) => value * y[i])) - mean(x) * mean(y);
  const deviation = (values: number[]) => Math.sqrt(mean(values.map((v) => v * v)) - mean(values) ** 2);
  near(pearson(x, y), covariance / deviation(x) / deviation(y));
  // Ranks 1, 2.5, 2.5, 4, 5 and 2, 1, 3, 4, 5.
  near(spearman(x, y), pearson([1, 2.5, 2.5, 4, 5], [2, 1, 3, 4, 5]));
  near(
    spearman(
      x,
      x.map((value) => value ** 3),
    ),
    1,
  );
  near(
    spearman(
      x,
      x.map((value) => -value),
    ),
    -1,
  );
  assert.ok(Number.isNaN(pearson([1, 1], [1, 2])));
});

test('groups: joined over a third one, in either direction; constant columns and loners are in none', () => {
  const a = Float64Array.from([1, 2, 3, 4, 5, 6]);
  const b = Float64Array.from([1, 2, 3, 4, 6, 5]);
  const c = b.map((value) => -3 * value + 7);
  const alone = Float64Array.from([1, -1, 1, -1, 1, -1]);
  const constant = new Float64Array(6).fill(0.1);
  assert.deepEqual(correlatedGroups([alone, a, constant, b, c], 0.9), [[1, 3, 4]]);
  assert.deepEqual(correlatedGroups([a, b], 0.99), []);
  // r of a and b is 33 / 35: at the limit they are joined.
  assert.deepEqual(correlatedGroups([a, b], 33 / 35), [[0, 1]]);
  const unit = unitVector(a);
  near(
    unit.reduce((sum, value) => sum + value * value, 0),
    1,
  );
  near(
    unit.reduce((sum, value) => sum + value, 0),
    0,
  );
});
