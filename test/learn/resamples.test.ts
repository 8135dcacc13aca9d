import assert from 'node:assert/strict';
import { test } from 'node:test';
import { denseMatrix } from '../../src/learn/matrix.js';
import { fitPath } from '../../src/learn/path.js';
import { fitResamples } from '../../src/learn/resamples.js';
import { objective, randomProblem, spread } from './support.js';

test('a row that counts twice is a row that is there twice, and one that counts 0 is not there', async () => {
  const problem = randomProblem(60, 50, 11);
  const counts = [3, 4].map((seed) => Uint8Array.from({ length: 60 }, (_, i) => (i * seed * 7 + 3) % 4));
  for (const classWeights of [undefined, 'balanced'] as const) {
    const fits = await fitResamples({
      matrix: denseMatrix(60, 50, problem.x),
      labels: problem.labels,
      counts,
      C: 0.5,
      classWeights,
      tolerance: 1e-9,
    });
    for (const [i, fit] of fits.entries()) {
      const rows = Array.from(counts[i]).flatMap((count, row) => Array<number>(count).fill(row));
      const x = Float32Array.from(rows.flatMap((row) => [...problem.x.subarray(50 * row, 50 * row + 50)]));
      const labels = Uint8Array.from(rows, (row) => problem.labels[row]);
      const matrix = denseMatrix(rows.length, 50, x);
      const [expected] = await fitPath({ matrix, labels, grid: [0.5], classWeights, tolerance: 1e-9 });
      assert.deepEqual(fit.indices, expected.indices);
      assert.ok(Math.abs(fit.objective / expected.objective - 1) < 1e-8);
      if (classWeights) continue;
      const copied = { rows: rows.length, columns: 50, x, labels };
      const value = objective(copied, spread({ columns: 50 }, fit), 0.5);
      assert.ok(Math.abs(fit.objective / value - 1) < 1e-8, `${fit.objective} ${value}`);
    }
  }
});

test('progress counts to the end, and an abort is heard', async () => {
  const { x, labels } = randomProblem(30, 20, 2);
  const seen: number[][] = [];
  const options = {
    matrix: denseMatrix(30, 20, x),
    labels,
    counts: [new Uint8Array(30).fill(1), new Uint8Array(30).fill(2)],
    C: 1,
  };
  await fitResamples({ ...options, onFit: (done, total) => seen.push([done, total]) });
  assert.deepEqual(
    seen.map(([done]) => done),
    [1, 2, 3, 4, 5, 6],
  );
  assert.ok(seen.every(([, total]) => total === 6));
  await assert.rejects(
    fitResamples({ ...options, signal: AbortSignal.abort(new Error('enough')) }),
    /enough/,
  );
});
