import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accuracy, auroc, aurocOfRanks, aurocStatistic, midranks } from '../../src/stats/metrics.js';
import { derive, int } from '../../src/stats/random.js';
import { rocBand, rocPoints } from '../../src/stats/roc.js';

// scikit-learn 1.9.1, scipy 1.17.1:
//   s=[.1,.4,.35,.8,.4,.9,.4,.65,.2,.35,.7,.1]; y=[0,0,1,1,1,1,0,1,0,0,0,1]
//   roc_auc_score(y, s); rankdata(s); roc_curve(y, s, drop_intermediate=False)
const SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.4, 0.65, 0.2, 0.35, 0.7, 0.1];
const LABELS = Uint8Array.from([0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1]);

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test('auroc and midranks agree with scikit-learn and scipy on tied scores', () => {
  near(auroc(SCORES, LABELS), 0.6666666666666667);
  assert.deepEqual([...midranks(SCORES)], [1.5, 7, 4.5, 11, 7, 12, 7, 9, 3, 4.5, 10, 1.5]);
  near(aurocOfRanks(midranks(SCORES), LABELS), 0.6666666666666667);
});

test('auroc equals the count over all pairs on random tied data, also weighted', () => {
  const random = derive(5, 'auroc');
  for (let round = 0; round < 50; round++) {
    const n = 2 + int(random, 30);
    const scores = Float64Array.from({ length: n }, () => int(random, 8) - 4);
    const labels = Uint8Array.from({ length: n }, (_, i) => (i < 2 ? i : int(random, 2)));
    const weights = Uint32Array.from({ length: n }, (_, i) => (i < 2 ? 1 : int(random, 4)));
    let won = 0;
    let pairs = 0;
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        if (labels[a] !== 1 || labels[b] !== 0) continue;
        const weight = weights[a] * weights[b];
        pairs += weight;
        won += weight * (scores[a] > scores[b] ? 1 : scores[a] === scores[b] ? 0.5 : 0);
      }
    }
    near(aurocStatistic(scores, labels)(weights), won / pairs);
  }
});

test('auroc handles infinities, one class, and refuses NaN', () => {
  assert.equal(auroc([-Infinity, 0, Infinity], [0, 1, 1]), 1);
  assert.equal(auroc([Infinity, Infinity], [0, 1]), 0.5);
  assert.ok(Number.isNaN(auroc([1, 2], [1, 1])));
  assert.ok(Number.isNaN(auroc([], [])));
  assert.throws(() => auroc([1, Number.NaN], [0, 1]), RangeError);
});

test('accuracy: a score on the threshold is called faithful', () => {
  assert.equal(accuracy([-1, 0, 0, 1], [0, 0, 1, 1], 0), 0.75);
  assert.equal(accuracy([-1, 0, 0, 1], [0, 0, 1, 1], -2), 0.5);
});

test('the ROC curve is that of scikit-learn, without points inside straight stretches', () => {
  const xs = [0, 0, 0, 1 / 6, 1 / 6, 0.5, 4 / 6, 5 / 6, 1];
  const ys = [0, 1 / 6, 2 / 6, 2 / 6, 0.5, 4 / 6, 5 / 6, 5 / 6, 1];
  const curve = rocPoints(SCORES, LABELS);
  const kept = [0, 2, 3, 4, 6 - 1, 6, 7, 8]; // (0, 1/6) lies on the way from (0, 0) to (0, 2/6)
  assert.equal(curve.length, kept.length);
  kept.forEach((at, i) => {
    near(curve[i].falsePositive, xs[at]);
    near(curve[i].truePositive, ys[at]);
  });
});

test('the area under the ROC points is the AUROC', () => {
  const random = derive(6, 'area');
  for (let round = 0; round < 20; round++) {
    const scores = Array.from({ length: 40 }, () => int(random, 12));
    const labels = Uint8Array.from({ length: 40 }, (_, i) => (i < 2 ? i : int(random, 2)));
    const curve = rocPoints(scores, labels);
    let area = 0;
    for (let i = 1; i < curve.length; i++) {
      area +=
        ((curve[i].falsePositive - curve[i - 1].falsePositive) *
          (curve[i].truePositive + curve[i - 1].truePositive)) /
        2;
    }
    near(area, auroc(scores, labels));
  }
  assert.deepEqual(rocPoints([1, 2], [1, 1]), []);
});

test('the ROC band spans its curves and begins and ends where they do', () => {
  const perfect = rocPoints([0, 1], [0, 1]);
  const chance = rocPoints([1, 1], [0, 1]);
  const band = rocBand([perfect, chance], 5);
  assert.deepEqual(
    band.map((point) => [point.falsePositive, point.low, point.mean, point.high]),
    [
      [0, 0, 0.5, 1],
      [0.25, 0.25, 0.625, 1],
      [0.5, 0.5, 0.75, 1],
      [0.75, 0.75, 0.875, 1],
      [1, 1, 1, 1],
    ],
  );
});
