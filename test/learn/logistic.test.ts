import assert from 'node:assert/strict';
import { it } from 'node:test';
import { curvatures, dualAt, logLoss, lossAt, lossOf, residuals } from '../../src/learn/logistic.js';

const y = Float64Array.of(1, -1, 1, -1, 1);
const costs = Float64Array.of(2, 2, 2, 2, 0);
const loss = { y, costs, largestCost: 2 };

it('no overflow and no loss of digits at either end', () => {
  assert.equal(logLoss(1000), 0);
  assert.equal(logLoss(-1000), 1000);
  assert.ok(Math.abs(logLoss(40) / Math.exp(-40) - 1) < 1e-12);
  const r = new Float64Array(5);
  residuals(loss, Float64Array.of(800, -800, -800, 800, 0), r);
  assert.deepEqual(
    [...r].map((value) => value + 0),
    [0, 0, 2, -2, 0],
  );
  residuals(loss, Float64Array.of(40, 0, 0, 0, 0), r);
  assert.ok(Math.abs(r[0] / (2 * Math.exp(-40)) - 1) < 1e-12);
});

it('first and second derivatives are those of the loss (finite differences); a left-out row has none', () => {
  const z = Float64Array.of(0.3, -1.2, -2, 3, 0.7);
  const [r, d] = [new Float64Array(5), new Float64Array(5)];
  residuals(loss, z, r);
  curvatures(loss, r, d);
  const h = 1e-4;
  for (let i = 0; i < 5; i++) {
    const at = (shift: number) =>
      lossAt(
        loss,
        z.map((value, k) => (k === i ? value + shift : value)),
      );
    assert.ok(Math.abs((at(h) - at(-h)) / (2 * h) + r[i]) < 1e-7);
    assert.ok(Math.abs((at(h) - 2 * at(0) + at(-h)) / (h * h) - d[i]) < 1e-5);
  }
});

it('the dual is the conjugate: -loss*(-theta) = min over z of loss + theta . z', () => {
  const r = Float64Array.of(0.4, -1.1, 1.9, -0.2, 0);
  let expected = 0;
  for (let i = 0; i < 4; i++) {
    let best = Number.POSITIVE_INFINITY;
    for (let m = -30; m < 30; m += 1e-3) best = Math.min(best, 2 * logLoss(m) + 0.5 * Math.abs(r[i]) * m);
    expected += best;
  }
  assert.ok(Math.abs(dualAt(loss, r, 0.5) - expected) < 1e-5);
  assert.equal(dualAt(loss, Float64Array.of(2, -2, 0, 0, 0), 1), 0);
});

it('balanced classes cost the same in all, of the rows that take part; the largest cost bounds every row', () => {
  const labels = Uint8Array.of(1, 0, 0, 0, 1, 0);
  const used = Uint8Array.of(1, 1, 1, 1, 0, 0);
  assert.deepEqual(lossOf(labels, used, 3, 'balanced'), {
    y: Float64Array.of(1, -1, -1, -1, 1, -1),
    costs: Float64Array.of(6, 2, 2, 2, 0, 0),
    largestCost: 6,
  });
  assert.deepEqual([...lossOf(labels, used, 3).costs], [3, 3, 3, 3, 0, 0]);
  assert.equal(lossOf(labels, used, 3).largestCost, 3);
});
