import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accuracyInterval,
  aurocInterval,
  bootstrapInterval,
  controlDifference,
} from '../../src/stats/bootstrap.js';
import { accuracyStatistic, aurocStatistic } from '../../src/stats/metrics.js';
import { newcombeInterval } from '../../src/stats/newcombe.js';
import { derive, uniform } from '../../src/stats/random.js';
import { wilsonInterval } from '../../src/stats/wilson.js';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

const meanOf = (values: ArrayLike<number>) => (weights: ArrayLike<number>) => {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i] * weights[i];
    total += weights[i];
  }
  return sum / total;
};

test("Wilson's interval agrees with scipy, also at 0 and 100 %", () => {
  // scipy 1.17.1: binomtest(k, n).proportion_ci(method='wilson')
  for (const [k, n, low, high] of [
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371109, 1],
    [37, 50, 0.6044684273515115, 0.8412847250644762],
    [1, 3, 0.06149194472039626, 0.7923403991979523],
  ]) {
    const interval = wilsonInterval(k, n);
    near(interval.estimate, k / n, 1e-15);
    near(interval.low, low, 1e-12);
    near(interval.high, high, 1e-12);
  }
  assert.deepEqual(wilsonInterval(0, 0), { estimate: Number.NaN, low: 0, high: 1 });
});

test("Newcombe's interval agrees with its equation solved by scipy's brentq", () => {
  const perfect = newcombeInterval(1, 8, 8);
  near(perfect.low, 0.7556465610233913, 1e-9);
  near(perfect.high, 1, 1e-9);
  const usual = newcombeInterval(0.8, 30, 20);
  near(usual.low, 0.6433456145211157, 1e-9);
  near(usual.high, 0.8941462416513685, 1e-9);
});

test('the bootstrap of a mean agrees with scipy', () => {
  // scipy 1.17.1: bootstrap((x,), np.mean, n_resamples=400000, method='percentile') -> 3.225, 4.6833
  const values = [2.1, 3.4, 1.9, 5.6, 4.4, 3.8, 2.7, 6.1, 4.9, 3.3, 5.2, 4.1];
  const interval = bootstrapInterval(12, meanOf(values), derive(1), {}, 20_000);
  near(interval.estimate, values.reduce((a, b) => a + b) / 12, 1e-12);
  near(interval.low, 3.225, 0.03);
  near(interval.high, 4.6833, 0.03);
});

test('the bootstrap of an AUROC with classes as strata agrees with scipy', () => {
  // scipy 1.17.1: bootstrap((positives, negatives), auc, n_resamples=200000, method='percentile', paired=False)
  const scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.4, 0.65, 0.2, 0.35, 0.7, 0.1];
  const labels = Uint8Array.from([0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1]);
  const interval = aurocInterval(scores, { labels, strata: labels }, derive(2));
  near(interval.low, 1 / 3, 0.03);
  near(interval.high, 0.9444, 0.03);
});

test('the same stream gives the same interval, another one a slightly different interval', () => {
  const values = Float64Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const interval = (seed: number) => bootstrapInterval(40, meanOf(values), derive(seed, 'b'));
  assert.deepEqual(interval(4), interval(4));
  assert.notEqual(interval(4).low, interval(5).low);
});

test('questions are drawn whole: copies of a sample in one question do not narrow the interval', () => {
  const random = derive(9, 'groups');
  const base = Float64Array.from({ length: 30 }, () => uniform(random));
  const copied = Float64Array.from({ length: 300 }, (_, i) => base[Math.floor(i / 10)]);
  const groups = Uint32Array.from({ length: 300 }, (_, i) => 1000 + Math.floor(i / 10));
  const single = bootstrapInterval(30, meanOf(base), derive(1));
  assert.deepEqual(
    bootstrapInterval(300, meanOf(copied), derive(1), { groups }).high.toFixed(9),
    single.high.toFixed(9),
  );
  const naive = bootstrapInterval(300, meanOf(copied), derive(1));
  assert.ok(naive.high - naive.low < 0.5 * (single.high - single.low));
});

test('strata keep their sizes in every replicate', () => {
  const strata = [0, 0, 0, 1, 1, 2];
  const seen = new Set<string>();
  bootstrapInterval(
    6,
    (weights) => {
      const sizes = [0, 0, 0];
      for (let i = 0; i < 6; i++) sizes[strata[i]] += weights[i];
      seen.add(sizes.join());
      return 0;
    },
    derive(1),
    { strata },
    200,
  );
  assert.deepEqual([...seen], ['3,2,1']);
});

test('intervals cover the truth about 95 times in 100', () => {
  const random = derive(11, 'coverage');
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniform(random))) * Math.cos(2 * Math.PI * uniform(random));
  // Two unit normals, means 1.19 apart: AUROC = Phi(1.19 / sqrt(2)) = .80.
  const labels = Uint8Array.from({ length: 80 }, (_, i) => i % 2);
  let covered = 0;
  for (let round = 0; round < 200; round++) {
    const scores = Float64Array.from(labels, (label) => normal() + 1.1902 * label);
    const interval = bootstrapInterval(80, aurocStatistic(scores, labels), random, { strata: labels }, 300);
    if (interval.low <= 0.8 && 0.8 <= interval.high) covered++;
  }
  assert.ok(covered >= 178 && covered <= 199, `covered ${covered} of 200`);
});

test('perfect separation does not claim certainty', () => {
  const labels = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  const scores = Array.from(labels, (label, i) => label * 100 + i - 50);
  const area = aurocInterval(scores, { labels }, derive(1));
  assert.equal(area.estimate, 1);
  near(area.low, 0.7556465610233913, 1e-9);
  const share = accuracyInterval(scores, 0, { labels }, derive(1));
  assert.deepEqual(share, wilsonInterval(16, 16));
});

test('one class only: the AUROC interval is undefined, not a number', () => {
  const interval = aurocInterval([1, 2, 3], { labels: Uint8Array.from([1, 1, 1]) }, derive(1));
  assert.ok(Object.values(interval).every(Number.isNaN));
});

test('the difference to the controls: right estimate, and paired over questions', () => {
  const random = derive(12, 'difference');
  const labels = Uint8Array.from({ length: 120 }, (_, i) => i % 2);
  const shared = Float64Array.from(labels, () => uniform(random));
  const better = Float64Array.from(labels, (label, i) => shared[i] + 0.5 * label);
  const controls = Array.from({ length: 10 }, () =>
    aurocStatistic(
      Float64Array.from(labels, () => uniform(random)),
      labels,
    ),
  );
  const ones = new Uint8Array(120).fill(1);
  const detector = aurocStatistic(better, labels);
  const interval = controlDifference(detector, controls, { labels }, derive(1));
  const mean = controls.reduce((sum, control) => sum + control(ones), 0) / 10;
  near(interval.estimate, detector(ones) - mean, 1e-12);
  assert.ok(interval.low > 0.2 && interval.high < 0.6, JSON.stringify(interval));

  // A detector against itself: the questions are the same for both, so nothing is left to vary.
  const self = controlDifference(detector, [detector, detector], { labels }, derive(1));
  assert.deepEqual(self, { estimate: 0, low: 0, high: 0 });

  // Controls that differ a lot must widen it, even where every question is answered alike.
  const right = accuracyStatistic(labels, labels, 0.5);
  const wrong = accuracyStatistic(
    labels.map((label) => 1 - label),
    labels,
    0.5,
  );
  const spread = controlDifference(right, [right, wrong, right, wrong], { labels }, derive(1));
  assert.equal(spread.estimate, 0.5);
  assert.ok(spread.low <= 0.25 && spread.high >= 0.75, JSON.stringify(spread));
});
