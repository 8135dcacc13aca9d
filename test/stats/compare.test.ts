import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareScores } from '../../src/stats/compare.js';
import { accuracy, auroc } from '../../src/stats/metrics.js';
import { newcombeInterval } from '../../src/stats/newcombe.js';
import { derive, uniform } from '../../src/stats/random.js';

const random = derive(6, 'compare');
const labels = Uint8Array.from({ length: 120 }, (_, i) => i % 2);
const noisy = (by: number) =>
  Float64Array.from(labels, (label) => uniform(random) - 0.5 + by * (label - 0.5));
const [good, poor] = [noisy(0.6), noisy(0.1)];
const design = { labels, strata: labels };

test('figures and differences are those of both scores; the same stream gives the same intervals', () => {
  const found = compareScores(good, poor, design, derive(1, 'x'));
  assert.equal(found.auroc.estimate, auroc(poor, labels));
  assert.equal(found.accuracy.estimate, accuracy(poor, labels, 0));
  assert.equal(found.difference.auroc.estimate, auroc(good, labels) - auroc(poor, labels));
  assert.equal(found.difference.accuracy.estimate, accuracy(good, labels, 0) - accuracy(poor, labels, 0));
  for (const { low, estimate, high } of [found.auroc, found.difference.auroc, found.difference.accuracy]) {
    assert.ok(low < estimate && estimate < high);
  }
  assert.ok(found.difference.auroc.low > 0);
  assert.deepEqual(compareScores(good, poor, design, derive(1, 'x')), found);
});

test('paired: the difference of a score to nearly itself is far narrower than either figure', () => {
  const almost = good.map((value, i) => (i === 3 ? value - 0.4 : value));
  const { auroc: area, difference } = compareScores(good, almost, design, derive(1, 'x'));
  const width = ({ low, high }: { low: number; high: number }) => high - low;
  assert.ok(difference.auroc.estimate > 0);
  assert.ok(width(difference.auroc) < width(area) / 2, `${width(difference.auroc)} ${width(area)}`);
  // Decided alike in every resample: no difference at all.
  assert.deepEqual(compareScores(good, good, design, derive(1, 'x')).difference.accuracy, {
    estimate: 0,
    low: 0,
    high: 0,
  });
});

test('two perfect scores: no difference, but not for certain', () => {
  const perfect = Float64Array.from(labels, (label) => label - 0.5);
  const { auroc: area, difference } = compareScores(perfect, perfect, design, derive(1, 'x'));
  assert.deepEqual(area, newcombeInterval(1, 60, 60));
  assert.equal(difference.auroc.estimate, 0);
  assert.ok(difference.auroc.low < -0.01 && difference.auroc.high > 0.01);
  assert.ok(difference.accuracy.low < 0 && difference.accuracy.high > 0);
});
