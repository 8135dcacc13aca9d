import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aurc, aurcStatistic, bestAurc, coverageCurve } from '../../src/stats/selective.js';
import { seededRandom } from '../support/random.js';

const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, not ${expected}`);

test('the curve and its area, counted by hand', () => {
  // In the order of risk: right, wrong, right, wrong.
  const risks = [0.4, 0.1, 0.9, 0.2];
  const labels = [0, 0, 1, 1];
  assert.deepEqual(coverageCurve(risks, labels), [
    { coverage: 0.25, error: 0 },
    { coverage: 0.5, error: 1 / 2 },
    { coverage: 0.75, error: 1 / 3 },
    { coverage: 1, error: 2 / 4 },
  ]);
  close(aurc(risks, labels), (0 + 1 / 2 + 1 / 3 + 1 / 2) / 4);
  close(bestAurc(labels), (0 + 0 + 1 / 3 + 1 / 2) / 4);
});

test('tied risks: the mean over every order of theirs', () => {
  const risks = [1, 2, 2, 2, 3];
  const labels = [0, 1, 0, 0, 1];
  const orders = [
    [0, 1, 2, 3, 4],
    [0, 2, 1, 3, 4],
    [0, 2, 3, 1, 4],
  ];
  const mean =
    orders
      .map((order) => {
        let wrong = 0;
        return order.reduce((sum, sample, i) => {
          wrong += labels[sample];
          return sum + wrong / (i + 1);
        }, 0);
      })
      .reduce((a, b) => a + b, 0) / 15;
  close(aurc(risks, labels), mean);
});

test('a risk that says nothing has the share of wrong answers as its area; weights count a sample several times', () => {
  const random = seededRandom(1);
  const labels = Array.from({ length: 60 }, (): number => (random() < 0.3 ? 1 : 0));
  const share = labels.reduce((a, b) => a + b, 0) / 60;
  close(aurc(new Float64Array(60), labels), share);
  const risks = labels.map((label) => Math.round(10 * (random() + 0.3 * label)));
  const weights = labels.map((_, i) => i % 3);
  const repeat = <T>(list: T[]) => list.flatMap((value, i) => Array<T>(weights[i]).fill(value));
  close(aurcStatistic(risks, labels)(weights), aurc(repeat(risks), repeat(labels)));
  assert.ok(Number.isNaN(aurc([], [])));
});
