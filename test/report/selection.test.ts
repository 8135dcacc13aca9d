import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asGood, describeAsGood } from '../../src/report/selection.js';
import { syntheticReport } from '../support/report.js';

const point = (C: number, accuracy: number, suppressed?: number) => ({
  C,
  accuracy,
  neurons: 10,
  hNeurons: 5,
  ...(suppressed !== undefined && { suppressed }),
});
const training = {
  ...syntheticReport().training,
  mode: '3-vs-1' as const,
  rows: 800,
  score: { questions: 100, unsuppressed: 1 },
  chosen: 1,
};

test('values of C that the data do not tell from the chosen one are named', () => {
  // One standard error: sqrt(.8 * .2 / 400 + .96 * .04 / 100) = .028.
  const grid = [point(0.1, 0.7, 0.99), point(1, 0.8, 0.96), point(3, 0.8, 0.933), point(10, 0.83, 0.9)];
  assert.deepEqual(asGood({ ...training, grid }), [3]);
  assert.match(describeAsGood({ ...training, grid })!, /^C = 3 is as good/);
  const wider = { ...training, grid, rows: 400, score: { questions: 50, unsuppressed: 1 } };
  assert.deepEqual(asGood(wider), [3, 10]);
  assert.match(describeAsGood(wider)!, /^C = 3 and 10 are as good/);
});

test('by accuracy alone, and of answers alone, the error is another one', () => {
  const grid = [point(0.1, 0.79), point(1, 0.8), point(10, 0.775)];
  // .02 with 400 answers, .0141 with 800.
  assert.deepEqual(asGood({ ...training, score: undefined, grid }), [0.1]);
  assert.deepEqual(asGood({ ...training, score: undefined, grid, rows: 400 }), [0.1, 10]);
  assert.deepEqual(asGood({ ...training, score: undefined, grid, rows: 400, mode: '1-vs-1' }), [0.1]);
  assert.equal(describeAsGood({ ...training, score: undefined, grid: [point(1, 0.8)] }), undefined);
});
