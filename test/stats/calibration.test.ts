import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrationFigures, fitPlatt, plattProbability } from '../../src/stats/calibration.js';
import { compareDistributions } from '../../src/stats/distribution.js';

const near = (actual: number, expected: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test("Platt's fit is the root of its gradient as scipy finds it", () => {
  // scipy 1.17.1: root(gradient of the cross-entropy with Platt's targets, tol=1e-14);
  // sklearn.calibration._sigmoid_calibration gives the same to its tolerance (-.81630, -.02771 with the sign turned).
  const fit = fitPlatt(
    [-2.1, -1.4, 0.3, 1.8, -0.2, 2.6, -0.7, 1.1, -1.9, 0.4],
    [0, 0, 1, 1, 0, 1, 1, 1, 0, 0],
  );
  near(fit.slope, 0.8162967732524523, 1e-7);
  near(fit.intercept, 0.027708581879487538, 1e-7);
});

test('separable scores have a finite fit; so have equal scores and huge ones', () => {
  const fit = fitPlatt([-3, -2, -1, 1, 2, 3, 4], [0, 0, 0, 1, 1, 1, 1]);
  near(fit.slope, 0.5899916662717951, 1e-7);
  near(fit.intercept, 0.017119350762646594, 1e-7);
  const flat = fitPlatt([2, 2, 2, 2], [0, 1, 1, 1]);
  // Platt's targets: (3 * 4/5 + 1/3) / 4.
  near(plattProbability(flat, 2), (3 * (4 / 5) + 1 / 3) / 4, 1e-6);
  const huge = fitPlatt([-4e4, -1e4, 2e4, 5e4], [0, 0, 1, 1]);
  assert.ok(plattProbability(huge, 5e4) > 0.6 && plattProbability(huge, -4e4) < 0.4, JSON.stringify(huge));
});

test('the probability does not overflow', () => {
  assert.equal(plattProbability({ slope: 1, intercept: 0 }, 1e6), 1);
  assert.equal(plattProbability({ slope: 1, intercept: 0 }, -1e6), 0);
  assert.equal(plattProbability({ slope: 3, intercept: 0 }, 0), 0.5);
});

test('Brier score and reliability bins agree with scikit-learn', () => {
  // scikit-learn 1.9.1: brier_score_loss(y, p); calibration_curve(y, p, n_bins=10)
  const p = [0.05, 0.12, 0.17, 0.33, 0.38, 0.44, 0.58, 0.61, 0.73, 0.77, 0.86, 0.97];
  const y = [0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 1, 1];
  const figures = calibrationFigures(p, y);
  near(figures.brier, 0.19395833333333337);
  const observed = [0, 0.5, 0.5, 0, 1, 1, 0.5, 1, 1];
  const stated = [0.05, 0.145, 0.355, 0.44, 0.58, 0.61, 0.75, 0.86, 0.97];
  assert.equal(figures.bins.length, observed.length);
  figures.bins.forEach((bin, i) => {
    near(bin.observed, observed[i]);
    near(bin.stated, stated[i]);
    assert.ok(bin.low <= bin.stated && bin.stated < bin.high);
  });
  assert.equal(
    figures.bins.reduce((sum, bin) => sum + bin.samples, 0),
    12,
  );
  near(
    figures.ece,
    figures.bins.reduce((sum, bin) => sum + (bin.samples / 12) * Math.abs(bin.stated - bin.observed), 0),
  );
});

test('a probability of exactly 1 falls into the last bin', () => {
  const { bins } = calibrationFigures([1, 1], [1, 0]);
  assert.deepEqual(bins, [{ low: 0.9, high: 1, samples: 2, stated: 1, observed: 0.5 }]);
});

test('distributions share bins, ignore outliers in the range, and keep every value', () => {
  const faithful = Array.from({ length: 100 }, (_, i) => i / 100);
  const hallucinated = [...faithful.map((value) => value + 0.5), 1000];
  const both = compareDistributions(faithful, hallucinated, 10);
  assert.ok(both.high < 2, `${both.high}`);
  near(
    both.faithful.shares.reduce((a, b) => a + b),
    1,
  );
  near(
    both.hallucinated.shares.reduce((a, b) => a + b),
    1,
  );
  near(both.faithful.quantiles[2], 0.495);
  near(both.faithful.mean, 0.495);
  assert.ok(both.hallucinated.shares[9] > both.faithful.shares[9]);
  const silent = compareDistributions([0, 0], [0]);
  assert.deepEqual([silent.high, silent.faithful.shares[0], silent.hallucinated.shares[0]], [1, 1, 1]);
});
