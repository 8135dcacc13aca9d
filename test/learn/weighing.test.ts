import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { crossValidate } from '../../src/learn/cross-validate.js';
import { assignFolds } from '../../src/learn/folds.js';
import { denseMatrix } from '../../src/learn/matrix.js';
import { fitPath, type PathPoint } from '../../src/learn/path.js';
import { temporaryFolder } from '../support/temporary.js';
import { readGolden } from './golden.js';
import {
  deviations,
  dualityGap,
  inFile,
  inMemory,
  objective,
  type Problem,
  randomProblem,
  scaled,
  spread,
} from './support.js';

const folder = temporaryFolder();

/** Weights of scaled features as those of the features as they are, and back. */
const unscale = (w: Float64Array, sd: Float64Array) => w.map((value, j) => value / (sd[j] ?? 1));
const rescale = (w: Float64Array, sd: Float64Array) => w.map((value, j) => value * (sd[j] ?? 1));

/** Each row of label 1 `times` times: at C / times, what that class weighs `times` as much as the other in. */
function repeated(problem: Problem, times: number): Problem {
  const { columns, x, labels } = problem;
  const rows = Array.from(labels).flatMap((label, i) => Array<number>(label ? times : 1).fill(i));
  return {
    rows: rows.length,
    columns,
    x: Float32Array.from(rows.flatMap((i) => [...x.subarray(i * columns, (i + 1) * columns)])),
    labels: Uint8Array.from(rows, (i) => labels[i]),
  };
}

/** The problem with the first `ones` labels 1 and no others, which some columns tell. */
function uneven(rows: number, columns: number, ones: number, seed: number): Problem {
  const problem = randomProblem(rows, columns, seed);
  problem.labels.fill(0).fill(1, 0, ones);
  for (let i = 0; i < ones; i++) for (let j = 0; j < columns; j += 50) problem.x[i * columns + j] *= 1.5;
  return problem;
}

it("liblinear's optimum, plain, standardised, balanced and both", async () => {
  const { problem, fits } = readGolden();
  const wanted = fits.filter(({ penalty }) => penalty === 'l1');
  assert.equal(wanted.length, 12);
  for (const fit of wanted) {
    const [point] = await fitPath({
      matrix: inMemory(problem),
      labels: problem.labels,
      grid: [fit.C],
      standardise: fit.standardise,
      classWeights: fit.balanced ? 'balanced' : undefined,
      tolerance: 1e-9,
    });
    const label = `${JSON.stringify(fit)}: ${point.objective}`;
    assert.ok(Math.abs(point.objective / fit.objective - 1) < 1e-7, label);
    assert.ok(point.objective - point.dualGap <= fit.objective * (1 + 1e-12), label);
  }
});

describe('standardised', () => {
  const assertSame = (problem: Problem, points: PathPoint[], explicit: PathPoint[], sd: Float64Array) => {
    const divided = scaled(problem, sd);
    points.forEach((point, k) => {
      const w = spread(problem, point);
      const inScaled = rescale(w, sd);
      assert.ok(Math.abs(point.objective / explicit[k].objective - 1) < 1e-6, `C ${point.C}`);
      // The objective is that of the scaled problem at the weights that are given for the features as they are.
      assert.ok(Math.abs(objective(divided, inScaled, point.C) / point.objective - 1) < 1e-6);
      assert.ok(dualityGap(divided, inScaled, point.C) <= 1e-3 * point.objective);
      const expected = unscale(spread(problem, explicit[k]), sd);
      const size = Math.max(...rescale(expected, sd).map(Math.abs));
      w.forEach((value, j) => {
        const difference = Math.abs(value - expected[j]) * (sd[j] ?? 1);
        assert.ok(difference <= 1e-3 * size, `C ${point.C}, ${j}: ${value}, ${expected[j]}`);
      });
      assert.ok(point.dualGap <= 1e-9 * point.objective);
    });
  };

  it('is the fit to the explicitly scaled matrix, with weights for the raw one', async () => {
    for (const [rows, columns, seed] of [
      [60, 20, 31],
      [80, 3000, 32],
    ]) {
      const problem = randomProblem(rows, columns, seed);
      const { labels } = problem;
      const sd = deviations(problem);
      const options = { labels, grid: [0.05, 0.3, 3], tolerance: 1e-9 };
      const explicit = await fitPath({ ...options, matrix: inMemory(scaled(problem, sd)) });
      assert.ok(explicit[2].indices.length > 8);
      const held = await fitPath({ ...options, matrix: inMemory(problem), standardise: true });
      assertSame(problem, held, explicit, sd);
      // From a file that does not fit into memory: working sets of a few columns.
      const matrix = inFile(problem, join(folder, `${seed}.npy`));
      const read = await fitPath({ ...options, matrix, standardise: true, memory: 60_000 });
      assertSame(problem, read, explicit, sd);
      const plain = await fitPath({ ...options, matrix: inMemory(problem) });
      assert.notDeepEqual(held[2].indices, plain[2].indices);
    }
  });

  it('gives constant and empty columns no weight', async () => {
    const problem = randomProblem(40, 10, 33);
    for (let i = 0; i < 40; i++) {
      problem.x[i * 10] = 0;
      problem.x[i * 10 + 1] = 0.1;
      problem.x[i * 10 + 2] = 1e-7;
    }
    const { labels } = problem;
    for (const point of await fitPath({
      matrix: inMemory(problem),
      labels,
      grid: [1, 1000],
      standardise: true,
    })) {
      assert.ok(Number.isFinite(point.objective) && point.indices[0] > 2);
      assert.ok(point.dualGap <= 1e-5 * point.objective);
    }
  });
});

describe('balanced classes', () => {
  it('count as if the rows of the rarer one were there more often', async () => {
    // 10 ones against 90 zeros count 5 and 5/9: nine times as much, at 5/9 of C.
    const problem = uneven(100, 2000, 10, 34);
    const matrix = inMemory(problem);
    const more = repeated(problem, 9);
    const grid = [0.1, 1, 10, 100];
    const points = await fitPath({
      matrix,
      labels: problem.labels,
      grid,
      classWeights: 'balanced',
      tolerance: 1e-7,
    });
    const expected = await fitPath({
      matrix: inMemory(more),
      labels: more.labels,
      grid: grid.map((C) => (C * 5) / 9),
      tolerance: 1e-7,
    });
    const plain = await fitPath({ matrix, labels: problem.labels, grid, tolerance: 1e-7 });
    points.forEach((point, k) => {
      assert.ok(Math.abs(point.objective / expected[k].objective - 1) < 2e-7, `C ${point.C}`);
      const w = spread(problem, point);
      assert.ok(Math.abs(objective(more, w, expected[k].C) / point.objective - 1) < 1e-10);
      // Over all columns: none that matters was screened out.
      const gap = dualityGap(more, w, expected[k].C);
      assert.ok(gap >= -1e-9 && gap < 2e-3 * point.objective, `C ${point.C}: ${gap}, ${point.objective}`);
      assert.ok(Math.abs(plain[k].objective / point.objective - 1) > 0.01);
    });
    assert.ok(points[3].indices.length > 5);
  });
});

it('cross-validation: class weights of the rows of each fit, scales of all rows', async () => {
  const problem = uneven(60, 80, 24, 35);
  const { labels } = problem;
  const options = {
    labels,
    groups: Array.from({ length: 60 }, (_, i) => `q${i}`),
    strata: Array.from({ length: 60 }, () => 'all'),
    grid: [1],
    folds: 3,
    seed: 1,
    tolerance: 1e-10,
  };
  const [point] = await crossValidate({
    ...options,
    matrix: inMemory(problem),
    standardise: true,
    classWeights: 'balanced',
  });
  const seen = scaled(problem, deviations(problem));
  const folds = assignFolds(options);
  const shares = new Set<number>();
  for (let fold = 0; fold < 3; fold++) {
    const inside = Array.from(folds.keys()).filter((i) => folds[i] !== fold);
    const ofFold = Uint8Array.from(inside, (i) => labels[i]);
    shares.add(ofFold.reduce((sum, label) => sum + label, 0));
    const x = Float32Array.from(inside.flatMap((i) => [...seen.x.subarray(i * 80, (i + 1) * 80)]));
    const [alone] = await fitPath({
      ...options,
      matrix: denseMatrix(inside.length, 80, x),
      labels: ofFold,
      classWeights: 'balanced',
    });
    const w = spread(problem, alone);
    folds.forEach((own, i) => {
      if (own !== fold) return;
      let z = w[80];
      for (let j = 0; j < 80; j++) z += w[j] * seen.x[i * 80 + j];
      assert.ok(
        Math.abs(point.scores[i] - z) < 1e-3 * (1 + Math.abs(z)),
        `row ${i}: ${point.scores[i]}, ${z}`,
      );
    });
  }
  assert.ok(shares.size > 1, 'folds differ in their share of labels, else this says nothing');
});
