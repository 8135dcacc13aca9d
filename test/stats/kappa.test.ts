import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Confusion, cohenKappa, confusion, kappaInterval } from '../../src/stats/kappa.js';
import { derive } from '../../src/stats/random.js';

const TWO: Confusion = [
  [20, 5],
  [10, 15],
];
const THREE: Confusion = [
  [118, 5, 2],
  [9, 61, 4],
  [1, 7, 33],
];

/** The pairs that a table counts. */
function pairs(table: Confusion): { first: number[]; second: number[] } {
  const [first, second]: number[][] = [[], []];
  table.forEach((row, i) => {
    row.forEach((count, j) => {
      for (let k = 0; k < count; k++) {
        first.push(i);
        second.push(j);
      }
    });
  });
  return { first, second };
}

test('kappa is that of scikit-learn, and of the sum by hand', () => {
  // Agreement .7; by chance 25/50 * 30/50 + 25/50 * 20/50 = .5; (.7 - .5) / (1 - .5) = .4.
  assert.ok(Math.abs(cohenKappa(TWO) - 0.4) < 1e-12);
  // sklearn.metrics.cohen_kappa_score (1.9.1) of the same pairs.
  assert.ok(Math.abs(cohenKappa(THREE) - 0.8057747333737969) < 1e-12);
  assert.ok(
    Math.abs(
      cohenKappa([
        [0, 7],
        [3, 0],
      ]) - -0.7241379310344827,
    ) < 1e-12,
  );
});

test('kappa is not defined without pairs, or when both always say the same', () => {
  assert.ok(Number.isNaN(cohenKappa([[0]])));
  assert.ok(
    Number.isNaN(
      cohenKappa([
        [5, 0],
        [0, 0],
      ]),
    ),
  );
});

test('pairs are counted, with weights', () => {
  assert.deepEqual(confusion([0, 1, 1], [0, 0, 1], 2), [
    [1, 0],
    [1, 1],
  ]);
  assert.deepEqual(confusion([0, 1, 1], [0, 0, 1], 2, [2, 0, 3]), [
    [2, 0],
    [0, 3],
  ]);
});

/** Large-sample standard error for independent pairs: Fleiss, Cohen & Everitt, Psychol. Bull. 72 (1969), eq. 13. */
function standardError(table: Confusion): number {
  const total = table.flat().reduce((a, b) => a + b);
  const p = table.map((row) => row.map((count) => count / total));
  const rows = p.map((row) => row.reduce((a, b) => a + b));
  const columns = p[0].map((_, j) => p.reduce((sum, row) => sum + row[j], 0));
  const chance = rows.reduce((sum, row, i) => sum + row * columns[i], 0);
  const kappa = cohenKappa(table);
  let variance = -((kappa - chance * (1 - kappa)) ** 2);
  p.forEach((row, i) => {
    row.forEach((share, j) => {
      variance +=
        i === j
          ? share * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2
          : (1 - kappa) ** 2 * share * (columns[i] + rows[j]) ** 2;
    });
  });
  return Math.sqrt(variance / total) / (1 - chance);
}

test('for independent pairs the interval is the large-sample one', () => {
  for (const table of [TWO, THREE]) {
    const { first, second } = pairs(table);
    const groups = first.map((_, i) => i);
    const { estimate, low, high } = kappaInterval(first, second, table.length, groups, derive(1, 'kappa'));
    assert.equal(estimate, cohenKappa(table));
    const expected = 2 * 1.96 * standardError(table);
    assert.ok(Math.abs((high - low) / expected - 1) < 0.12, `${high - low} against ${expected}`);
  }
});

test('samples of one question widen the interval', () => {
  const { first, second } = pairs(THREE);
  const width = (groups: number[]) => {
    const { low, high } = kappaInterval(first, second, 3, groups, derive(1, 'kappa'));
    return high - low;
  };
  // Ten copies of the same verdicts tell no more than one.
  const ten = (list: number[]) => list.flatMap((value) => new Array<number>(10).fill(value));
  const copied = kappaInterval(ten(first), ten(second), 3, ten(first.map((_, i) => i)), derive(1, 'kappa'));
  assert.ok(Math.abs((copied.high - copied.low) / width(first.map((_, i) => i)) - 1) < 0.1);
});

test('full agreement has an interval that is not a point', () => {
  const verdicts = [0, 1, 0, 1, 1, 0, 0, 1, 1, 0];
  const { estimate, low, high } = kappaInterval(verdicts, verdicts, 2, [...verdicts.keys()], derive(1));
  assert.equal(estimate, 1);
  assert.equal(high, 1);
  // Wilson's lower end for 10 of 10 is .7225; chance agreement is .5.
  assert.ok(Math.abs(low - (0.7225 - 0.5) / 0.5) < 1e-3, String(low));
});
