import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auprc, auprcInterval, auprcStatistic } from '../../src/stats/precision.js';
import { derive, int, uniform } from '../../src/stats/random.js';
import { wilsonInterval } from '../../src/stats/wilson.js';

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test('average precision by hand, with and without ties', () => {
  // Descending: 1, 0, 1, 0 -> recall 1/2 at precision 1, recall 1 at precision 2/3.
  near(auprc([4, 3, 2, 1], [1, 0, 1, 0]), 0.5 * 1 + 0.5 * (2 / 3));
  // One threshold takes all four.
  near(auprc([7, 7, 7, 7], [1, 0, 0, 0]), 0.25);
  near(auprc([-1, -2], [1, 0]), 1);
  assert.ok(Number.isNaN(auprc([1, 2], [0, 0])));
  assert.throws(() => auprc([1, Number.NaN], [0, 1]), RangeError);
});

test('average precision is that of its definition over thresholds; a weight is so many copies', () => {
  const random = derive(9, 'auprc');
  for (let round = 0; round < 40; round++) {
    const n = 3 + int(random, 25);
    const scores = Array.from({ length: n }, () => int(random, 7));
    const labels = scores.map((_, i) => (i < 2 ? i : int(random, 2)));
    const weights = scores.map((_, i) => (i === 1 ? 1 : int(random, 3)));
    const copies = scores.flatMap((score, i) => Array(weights[i]).fill({ score, label: labels[i] }));
    const positives = copies.filter(({ label }) => label === 1).length;
    let expected = 0;
    let recallBefore = 0;
    for (const threshold of [...new Set(copies.map(({ score }) => score))].sort((a, b) => b - a)) {
      const taken = copies.filter(({ score }) => score >= threshold);
      const hits = taken.filter(({ label }) => label === 1).length;
      expected += (hits / positives - recallBefore) * (hits / taken.length);
      recallBefore = hits / positives;
    }
    near(auprcStatistic(scores, labels)(weights), expected);
  }
});

test('the interval holds the estimate, follows its stream, and is not certain of perfect separation', () => {
  const random = derive(2, 'data');
  const labels = Uint8Array.from({ length: 80 }, (_, i) => i % 2);
  const scores = Float64Array.from(labels, (label) => uniform(random) + 0.4 * label);
  const design = { labels, strata: labels };
  const interval = auprcInterval(scores, design, derive(1, 'a'));
  near(interval.estimate, auprc(scores, labels));
  assert.ok(interval.low < interval.estimate && interval.estimate < interval.high);
  assert.deepEqual(auprcInterval(scores, design, derive(1, 'a')), interval);
  const perfect = auprcInterval(labels, design, derive(1, 'a'));
  assert.deepEqual(perfect, { estimate: 1, low: wilsonInterval(40, 40).low, high: 1 });
});
