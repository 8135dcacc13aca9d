import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitPlatt } from '../../src/stats/calibration.js';
import { fitFewInputs, logOdds } from '../../src/stats/logistic.js';
import { derive, uniform } from '../../src/stats/random.js';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

const random = derive(4, 'few');
const labels = Uint8Array.from({ length: 200 }, (_, i) => i % 2);
const one = Float64Array.from(labels, (label) => 1000 + 50 * (uniform(random) + 0.3 * label));
const two = Float64Array.from(labels, (label) => 0.01 * (uniform(random) - 0.5 * label));

test('with one input it is the calibration of Platt', () => {
  const platt = fitPlatt(one, labels);
  const few = fitFewInputs([one], labels);
  near(few.weights[0], platt.slope, 1e-6 * Math.abs(platt.slope));
  near(few.intercept, platt.intercept, 1e-6 * Math.abs(platt.intercept));
});

test('with two inputs the gradient vanishes, by finite differences of the loss', () => {
  const few = fitFewInputs([one, two], labels);
  const targets = Array.from(labels, (label) => (label ? 101 / 102 : 1 / 102));
  const loss = (weights: number[], intercept: number) => {
    const x = logOdds({ weights, intercept }, [one, two]);
    return targets.reduce((sum, target, i) => sum + Math.log(1 + Math.exp(x[i])) - target * x[i], 0);
  };
  const best = loss(few.weights, few.intercept);
  for (const [k, step] of [
    [0, 1e-5],
    [1, 1e-1],
    [2, 1e-3],
  ]) {
    for (const sign of [-1, 1]) {
      const moved = [...few.weights, few.intercept];
      moved[k] += sign * step;
      assert.ok(loss(moved.slice(0, 2), moved[2]) > best, `input ${k}`);
    }
  }
  // Both tell: together better than either.
  assert.ok(few.weights[0] > 0 && few.weights[1] < 0);
});

test('separated classes, constant and repeated inputs give finite weights', () => {
  const separated = Float64Array.from(labels, (label) => label);
  const constant = new Float64Array(200).fill(3);
  for (const inputs of [[separated], [separated, separated], [constant], [constant, separated]]) {
    const { weights, intercept } = fitFewInputs(inputs, labels);
    assert.ok([...weights, intercept].every(Number.isFinite), `${weights} ${intercept}`);
  }
  const x = logOdds(fitFewInputs([constant, separated], labels), [constant, separated]);
  assert.ok(x[1] > 0 && x[0] < 0);
});
