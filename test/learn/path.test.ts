import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { denseMatrix } from '../../src/learn/matrix.js';
import { fitPath, pathOver } from '../../src/learn/path.js';
import { createScanner } from '../../src/learn/scanner.js';
import { openStore } from '../../src/learn/store.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import {
  dualityGap,
  inFile,
  inMemory,
  objective,
  type Problem,
  randomProblem,
  slowMinimum,
  spread,
} from './support.js';

const folder = temporaryFolder();
const GRID = [0.01, 0.1, 1, 10, 100];

const held = (problem: Problem) => ({ matrix: inMemory(problem), labels: problem.labels });

describe('the optimum', () => {
  it('agrees with a slow method that shares no code, and its gap with one from the definition', async () => {
    for (const seed of [1, 2, 3]) {
      const problem = randomProblem(40, 9, seed);
      for (const point of await fitPath({ ...held(problem), grid: GRID })) {
        const w = spread(problem, point);
        const label = `seed ${seed}, C ${point.C}`;
        assert.ok(
          Math.abs(objective(problem, w, point.C) / point.objective - 1) < 1e-12,
          `${label}: objective`,
        );
        const slow = slowMinimum(problem, point.C);
        assert.ok(point.objective <= slow * (1 + 1.01e-5), `${label}: ${point.objective} against ${slow}`);
        // The gap is a promise about every other model.
        assert.ok(point.objective - point.dualGap <= slow, `${label}: gap too small`);
        assert.ok(point.dualGap <= 1e-5 * point.objective, `${label}: gap ${point.dualGap}`);
      }
    }
  });

  it('no weight can be moved for the better (finite differences)', async () => {
    const problem = randomProblem(60, 15, 4);
    for (const point of await fitPath({ ...held(problem), grid: GRID, tolerance: 1e-9 })) {
      const w = spread(problem, point);
      for (let j = 0; j <= problem.columns; j++) {
        for (const step of [1e-3, -1e-3, 1e-5, -1e-5]) {
          const moved = w.slice();
          moved[j] += step * Math.max(1, Math.abs(w[j]));
          assert.ok(
            objective(problem, moved, point.C) >= point.objective - point.dualGap - 1e-11,
            `C ${point.C}, ${j}`,
          );
        }
      }
    }
  });

  it('holds with many more columns than rows, where working sets and screening are at work', async () => {
    const problem = randomProblem(80, 3000, 5);
    const points = await fitPath({ ...held(problem), grid: GRID });
    for (const point of points) {
      const gap = dualityGap(problem, spread(problem, point), point.C);
      assert.ok(gap >= -1e-9 && gap <= 1e-3 * point.objective, `C ${point.C}: gap ${gap} over all columns`);
      assert.ok(point.dualGap <= 1e-5 * point.objective);
    }
    assert.ok(points[4].indices.length > 20);
  });

  it('holds for separable labels, copies of a column, constant and empty columns', async () => {
    const problem = randomProblem(30, 12, 6);
    for (let i = 0; i < problem.rows; i++) {
      problem.x[i * 12] = problem.labels[i];
      problem.x[i * 12 + 1] = problem.labels[i];
      problem.x[i * 12 + 2] = 3;
      problem.x[i * 12 + 3] = 0;
    }
    for (const point of await fitPath({ ...held(problem), grid: [...GRID, 1e4], tolerance: 1e-8 })) {
      const w = spread(problem, point);
      assert.ok(w.every(Number.isFinite));
      assert.equal(w[3], 0);
      const gap = dualityGap(problem, w, point.C);
      assert.ok(gap <= 1e-4 * point.objective, `C ${point.C}: ${gap} of ${point.objective}`);
    }
  });

  it('is the intercept alone where columns say nothing and labels are uneven', async () => {
    const labels = Uint8Array.from({ length: 40 }, (_, i) => (i % 8 === 0 ? 0 : 1));
    const matrix = denseMatrix(40, 3, new Float32Array(120).fill(1e-6));
    const [point] = await fitPath({ matrix, labels, grid: [2], tolerance: 1e-10 });
    assert.equal(point.indices.length, 0);
    // The derivative of |b| + 2 (35 log(1 + e^-b) + 5 log(1 + e^b)).
    const share = 1 / (1 + Math.exp(point.intercept));
    assert.ok(Math.abs(1 - 2 * 35 * share + 2 * 5 * (1 - share)) < 1e-4);
  });

  it('is the empty model where C is very small', async () => {
    const problem = randomProblem(40, 9, 7);
    const [point] = await fitPath({ ...held(problem), grid: [1e-6] });
    assert.equal(point.indices.length, 0);
    assert.equal(point.intercept, 0);
    assert.ok(Math.abs(point.objective - 40e-6 * Math.LN2) < 1e-18);
  });
});

describe('what must not matter', () => {
  it('the order of the columns', async () => {
    const problem = randomProblem(50, 40, 8);
    const order = Array.from({ length: 40 }, (_, j) => (j * 17 + 5) % 40);
    const x = Float32Array.from(problem.x, (_, at) => problem.x[at - (at % 40) + order[at % 40]]);
    const options = { labels: problem.labels, grid: [1, 30], tolerance: 1e-10 };
    const plain = await fitPath({ ...options, matrix: inMemory(problem) });
    const permuted = await fitPath({ ...options, matrix: denseMatrix(50, 40, x) });
    for (const k of [0, 1]) {
      const [a, b] = [spread(problem, plain[k]), spread(problem, permuted[k])];
      for (let j = 0; j < 40; j++)
        assert.ok(Math.abs(a[order[j]] - b[j]) < 1e-4 * (1 + Math.abs(b[j])), `column ${j}`);
    }
  });

  it('threads, and whether the matrix is in memory or on disk', async () => {
    const problem = randomProblem(60, 400, 9);
    const file = inFile(problem, join(folder, 'x.npy'));
    const run = async (
      matrix: typeof file | ReturnType<typeof inMemory>,
      threads: number,
      memory: number,
    ) => {
      const scanner = createScanner({ threads, smallest: 0 });
      const store = await openStore(matrix, scanner, { memory });
      const points = [];
      for await (const { point } of pathOver(
        store,
        problem.labels,
        new Uint8Array(60).fill(1),
        { grid: [1, 10], tolerance: 1e-8 },
        scanner,
      )) {
        points.push(point);
      }
      await scanner.close();
      return points;
    };
    const plain = await run(inMemory(problem), 1, 1e9);
    // Sums are made in one order, so threads change no bit.
    assert.deepEqual(await run(inMemory(problem), 3, 1e9), plain);
    assert.deepEqual(await run(file, 1, 1e9), await run(file, 2, 1e9));
    // Too little memory to hold the file, or to gather more than some columns of it: other steps, the same optimum.
    for (const memory of [90_000, 40_000]) {
      const onDisk = await run(file, 2, memory);
      onDisk.forEach((point, k) => {
        assert.ok(point.dualGap <= 1e-8 * point.objective);
        assert.ok(Math.abs(point.objective / plain[k].objective - 1) < 2e-8);
        assert.deepEqual(point.indices, plain[k].indices);
      });
    }
  });

  it('how often a file is read: twice to begin with, then twice for each C when one set of columns is enough', async () => {
    const problem = randomProblem(60, 400, 9);
    const passes: number[] = [];
    const points = await fitPath({
      labels: problem.labels,
      matrix: inFile(problem, join(folder, 'passes.npy')),
      grid: [0.1, 0.3, 1],
      memory: 90_000,
      onPass: ({ bytes }) => passes.push(bytes),
    });
    assert.deepEqual(passes, Array(8).fill(4 * 60 * 400));
    for (const point of points) {
      const gap = dualityGap(problem, spread(problem, point), point.C);
      assert.ok(gap <= 1e-4 * point.objective, `C ${point.C}: ${gap} of ${point.objective}`);
    }
  });

  it('the order and repetition of the grid', async () => {
    const problem = randomProblem(40, 20, 10);
    const matrix = inMemory(problem);
    const a = await fitPath({ labels: problem.labels, matrix, grid: [10, 0.1, 10, 1] });
    const b = await fitPath({ labels: problem.labels, matrix, grid: [0.1, 1, 10] });
    assert.deepEqual(a, b);
  });
});

it('a fit to some columns is a fit to the matrix of these columns, in the numbers of the whole', async () => {
  const problem = randomProblem(50, 60, 11);
  const columns = Uint32Array.of(1, 7, 8, 30, 59);
  const sliced = new Float32Array(50 * 5);
  for (let i = 0; i < 50; i++) for (let k = 0; k < 5; k++) sliced[i * 5 + k] = problem.x[i * 60 + columns[k]];
  const { labels } = problem;
  const expected = await fitPath({ matrix: denseMatrix(50, 5, sliced), labels, grid: GRID });
  const fromMemory = await fitPath({ matrix: inMemory(problem), labels, grid: GRID, columns });
  const fromFile = await fitPath({
    matrix: inFile(problem, join(folder, 'c.npy')),
    labels,
    grid: GRID,
    columns,
  });
  const renamed = expected.map((point) => ({ ...point, indices: point.indices.map((j) => columns[j]) }));
  assert.deepEqual(fromMemory, renamed);
  assert.deepEqual(fromFile, renamed);
});

describe('bad input', () => {
  const problem = randomProblem(20, 30, 12);
  const { labels } = problem;

  it('a value that is not finite, by row and column, in memory and on disk', async () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const x = problem.x.slice();
      x[13 * 30 + 21] = value;
      const spoilt = { ...problem, x };
      const where = [/row 13, column 21 is/, new RegExp(String(value))];
      await expectUserError(() => fitPath({ matrix: inMemory(spoilt), labels, grid: [1] }), ...where);
      const matrix = inFile(spoilt, join(folder, 'bad.npy'));
      await expectUserError(() => fitPath({ matrix, labels, grid: [1] }), /bad\.npy/, ...where);
      await expectUserError(() => fitPath({ matrix, labels, grid: [1], memory: 100 }), ...where);
    }
  });

  it('labels and settings', async () => {
    const matrix = inMemory(problem);
    await expectUserError(
      () => fitPath({ matrix, labels: new Uint8Array(20), grid: [1] }),
      /all 20 labels are 0/,
    );
    await expectUserError(
      () => fitPath({ matrix, labels: new Uint8Array(20).fill(1), grid: [1] }),
      /are 1; .*both kinds/,
    );
    await expectUserError(
      () => fitPath({ matrix, labels: labels.slice(1), grid: [1] }),
      /19 labels for 20 rows/,
    );
    await expectUserError(
      () => fitPath({ matrix, labels: labels.map((v) => v * 2), grid: [1] }),
      /is 2; labels/,
    );
    await expectUserError(() => fitPath({ matrix, labels, grid: [1, 0] }), /C = 0 is not/);
    await expectUserError(() => fitPath({ matrix, labels, grid: [Number.NaN] }), /C = NaN is not/);
    await expectUserError(() => fitPath({ matrix, labels, grid: [] }), /no value of C/);
    for (const columns of [[3, 3], [5, 1], [30]]) {
      await expectUserError(
        () => fitPath({ matrix, labels, grid: [1], columns: Uint32Array.from(columns) }),
        /ascending/,
      );
    }
  });

  it('a file that became shorter, with and without threads', async () => {
    const path = join(folder, 'short.npy');
    const matrix = inFile(problem, path);
    writeFileSync(path, Buffer.alloc(500));
    await expectUserError(() => fitPath({ matrix, labels, grid: [1] }), /short\.npy: truncated/);
    const scanner = createScanner({ threads: 2, smallest: 0 });
    await expectUserError(() => openStore(matrix, scanner, { memory: 100 }), /short\.npy: truncated/);
    await scanner.close();
  });

  it('an abort ends the fit with its reason', async () => {
    const stop = new AbortController();
    const fit = fitPath({
      matrix: inMemory(problem),
      labels,
      grid: GRID,
      signal: stop.signal,
      onPoint: () => stop.abort(new Error('enough')),
    });
    await assert.rejects(fit, /enough/);
  });
});
