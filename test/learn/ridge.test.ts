import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { assignFolds } from '../../src/learn/folds.js';
import { kernelOf } from '../../src/learn/kernel.js';
import { createNewtonSystem } from '../../src/learn/kernel-newton.js';
import { denseMatrix } from '../../src/learn/matrix.js';
import { crossValidateRidge, fitRidge, type RidgePoint } from '../../src/learn/ridge.js';
import { createScanner } from '../../src/learn/scanner.js';
import { expectUserError } from '../support/expect-user-error.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { readGolden } from './golden.js';
import { deviations, inFile, inHalves, inMemory, type Problem, randomProblem, scaled } from './support.js';

const folder = temporaryFolder();

/** ||w||^2 / 2 + C times the logistic loss, from its definition. */
function ridgeObjective(
  { rows, columns, x, labels }: Problem,
  w: Float64Array,
  b: number,
  C: number,
): number {
  let sum = w.reduce((total, value) => total + value * value, 0) / 2;
  for (let i = 0; i < rows; i++) {
    let z = b;
    for (let j = 0; j < columns; j++) z += w[j] * x[i * columns + j];
    const m = labels[i] ? z : -z;
    sum += C * (m > 0 ? Math.log1p(Math.exp(-m)) : Math.log1p(Math.exp(m)) - m);
  }
  return sum;
}

function assertNear(a: RidgePoint, b: RidgePoint, precision: number): void {
  assert.ok(Math.abs(a.objective / b.objective - 1) < precision, `${a.objective}, ${b.objective}`);
  assert.ok(Math.abs(a.intercept - b.intercept) < precision * (1 + Math.abs(b.intercept)));
  const size = Math.max(...b.weights.map(Math.abs));
  a.weights.forEach((weight, j) => {
    assert.ok(Math.abs(weight - b.weights[j]) < precision * size, `${j}: ${weight}, ${b.weights[j]}`);
  });
}

describe('L2 on all columns', () => {
  it("has scikit-learn's objective, weights and intercept, plain, standardised, balanced and both", async () => {
    const { problem, fits } = readGolden();
    const matrix = inMemory(problem);
    const wanted = fits.filter(({ penalty }) => penalty === 'l2');
    assert.equal(wanted.length, 12);
    for (const fit of wanted) {
      const [point] = await fitRidge({
        matrix,
        labels: problem.labels,
        grid: [fit.C],
        standardise: fit.standardise,
        classWeights: fit.balanced ? 'balanced' : undefined,
        tolerance: 1e-12,
      });
      const golden = { ...point, ...fit, weights: Float64Array.from(fit.weights!) };
      assertNear(point, golden, 1e-5);
      assert.ok(Math.abs(point.objective / fit.objective - 1) < 1e-11, `C ${fit.C}`);
    }
  });

  it('has no slope in any direction (finite differences), and a gap that is a bound', async () => {
    const problem = randomProblem(60, 200, 21);
    const points = await fitRidge({
      matrix: inMemory(problem),
      labels: problem.labels,
      grid: [10, 1e-3, 0.1, 10],
      tolerance: 1e-11,
    });
    assert.deepEqual(
      points.map(({ C }) => C),
      [1e-3, 0.1, 10],
    );
    const rough = await fitRidge({
      matrix: inMemory(problem),
      labels: problem.labels,
      grid: [1e-3, 0.1, 10],
      tolerance: 1e-3,
    });
    points.forEach(({ C, objective, intercept, weights, dualGap }, k) => {
      const at = (w: Float64Array, b: number) => ridgeObjective(problem, w, b, C);
      assert.ok(Math.abs(at(weights, intercept) / objective - 1) < 1e-10);
      assert.ok(dualGap <= 1e-11 * objective, `${dualGap}`);
      for (let j = -1; j < 200; j += 7) {
        const slope =
          j < 0
            ? at(weights, intercept + 1e-4) - at(weights, intercept - 1e-4)
            : at(
                weights.map((w, i) => (i === j ? w + 1e-4 : w)),
                intercept,
              ) -
              at(
                weights.map((w, i) => (i === j ? w - 1e-4 : w)),
                intercept,
              );
        assert.ok(Math.abs(slope / 2e-4) < 1e-5 * (1 + C), `C ${C}, ${j}: ${slope / 2e-4}`);
      }
      // A fit that stopped early says by how much, at most, it is above the optimum.
      assert.ok(rough[k].objective - rough[k].dualGap <= objective);
      assert.ok(rough[k].dualGap <= 1e-3 * rough[k].objective);
    });
  });

  it('is the same in memory, from float32 and float16 files, in tiles of columns, and with threads', async () => {
    const { matrix: halves, rounded } = inHalves(randomProblem(30, 300, 22), join(folder, 'h.npy'));
    const { labels } = rounded;
    const options = { labels, grid: [0.1, 10], tolerance: 1e-12, standardise: true };
    const plain = await fitRidge({ ...options, matrix: inMemory(rounded), threads: 1 });
    for (const matrix of [inMemory(rounded), inFile(rounded, join(folder, 'f.npy')), halves]) {
      for (const memory of [2e4, 1e9]) {
        const points = await fitRidge({ ...options, matrix, memory });
        points.forEach((point, k) => {
          assertNear(point, plain[k], 1e-9);
        });
      }
    }
    for (const rows of [1, 5, 30]) {
      const scanner = createScanner({ threads: 3, smallest: 0 });
      const part = { ...halves, offsets: halves.offsets.slice(0, rows) };
      const { values } = await kernelOf(part, scanner, { memory: 1e9 });
      await scanner.close();
      for (let i = 0; i < rows; i++) {
        for (let k = 0; k < rows; k++) {
          let expected = 0;
          for (let j = 0; j < 300; j++) expected += rounded.x[i * 300 + j] * rounded.x[k * 300 + j];
          assert.ok(Math.abs(values[i * rows + k] / expected - 1) < 1e-12, `${i}, ${k}`);
        }
      }
    }
  });

  it('gives a constant column no weight when standardised', async () => {
    const problem = randomProblem(30, 20, 23);
    for (let i = 0; i < 30; i++) problem.x[i * 20 + 3] = 0.1;
    const [point] = await fitRidge({
      matrix: inMemory(problem),
      labels: problem.labels,
      grid: [1],
      standardise: true,
    });
    assert.ok(point.weights[3] === 0);
    assert.ok(point.weights.every(Number.isFinite));
  });
});

it('Newton systems are solved, also with the factor of other curvatures, and with some that are zero', async () => {
  const random = seededRandom(24);
  const scanner = createScanner({ threads: 1 });
  const problem = randomProblem(50, 400, 24);
  const kernel = await kernelOf(inMemory(problem), scanner, { memory: 1e9 });
  const used = Array.from({ length: 50 }, (_, i) => i).filter((i) => i % 5 !== 0);
  const system = createNewtonSystem(kernel, used);
  for (const size of [1, 3, 1e-4, 1e3]) {
    const d = Float64Array.from({ length: 50 }, (_, i) => (i % 5 === 0 ? 0 : size * (0.01 + random())));
    const v = Float64Array.from({ length: 50 }, () => random() - 0.5);
    system.setCurvatures(d);
    const u = system.solve(v);
    for (let i = 0; i < 50; i++) if (d[i] === 0) assert.equal(u[i], 0);
    // In the metric of the system, S (K + S^-2) u = S v.
    let rest = 0;
    let all = 0;
    for (const i of used) {
      let product = u[i] / d[i];
      for (let k = 0; k < 50; k++) product += kernel.values[i * 50 + k] * u[k];
      rest += d[i] * (product - v[i]) ** 2;
      all += d[i] * v[i] ** 2;
    }
    assert.ok(rest <= 1.1e-10 * all, `${size}: ${Math.sqrt(rest / all)}`);
  }
});

describe('cross-validation of L2', () => {
  const problem = randomProblem(60, 100, 25);
  const { labels } = problem;
  const options = {
    labels,
    groups: Array.from({ length: 60 }, (_, i) => `q${i >> 1}`),
    strata: Array.from(labels, String),
    grid: [3, 0.1],
    folds: 3,
    seed: 1,
    tolerance: 1e-12,
  };

  it('scores each row by a model that never saw its fold, and gives the fit to all', async () => {
    const sd = deviations(problem);
    for (const more of [{}, { standardise: true, classWeights: 'balanced' as const }]) {
      const fits: [number, number][] = [];
      const points = await crossValidateRidge({
        ...options,
        ...more,
        matrix: inMemory(problem),
        onFit: (done, total) => fits.push([done, total]),
      });
      assert.deepEqual(fits[7], [8, 8]);
      assert.deepEqual(
        points.map(({ C }) => C),
        [0.1, 3],
      );
      // Scaling is by the deviations over all rows, weights by the labels of the rows of the fit.
      const seen = more.standardise ? scaled(problem, sd) : problem;
      const folds = assignFolds(options);
      for (let fold = 0; fold < 3; fold++) {
        const inside = Array.from(folds.keys()).filter((i) => folds[i] !== fold);
        const x = Float32Array.from(inside.flatMap((i) => [...seen.x.subarray(i * 100, (i + 1) * 100)]));
        const alone = await fitRidge({
          ...options,
          classWeights: more.classWeights,
          matrix: denseMatrix(inside.length, 100, x),
          labels: Uint8Array.from(inside, (i) => labels[i]),
        });
        alone.forEach(({ weights, intercept }, k) => {
          folds.forEach((own, i) => {
            if (own !== fold) return;
            let z = intercept;
            for (let j = 0; j < 100; j++) z += weights[j] * seen.x[i * 100 + j];
            assert.ok(Math.abs(points[k].scores[i] - z) < 1e-4 * (1 + Math.abs(z)), `row ${i}`);
          });
        });
      }
      const whole = await fitRidge({ ...options, ...more, matrix: inMemory(problem) });
      points.forEach(({ final, scores, accuracy }, k) => {
        assertNear(final, whole[k], 1e-5);
        const right = scores.filter((score, i) => score > 0 === (labels[i] === 1)).length;
        assert.equal(accuracy, right / 60);
      });
    }
  });

  it('ends at an abort', async () => {
    const stop = new AbortController();
    const running = crossValidateRidge({
      ...options,
      matrix: inMemory(problem),
      signal: stop.signal,
      onFit: (done) => done === 3 && stop.abort(new Error('enough')),
    });
    await assert.rejects(running, /enough/);
  });

  it('refuses what cannot be fitted', async () => {
    const matrix = inMemory(problem);
    const one = Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? 1 : 0));
    await expectUserError(() => crossValidateRidge({ ...options, labels: one, matrix }), /only label 0/);
    await expectUserError(() => fitRidge({ ...options, grid: [-1], matrix }), /C = -1/);
    await expectUserError(
      () => fitRidge({ ...options, labels: labels.slice(1), matrix }),
      /59 labels for 60 rows/,
    );
    await expectUserError(() => fitRidge({ ...options, matrix, memory: 5e4 }), /60 rows; take fewer rows/);
    const x = problem.x.slice();
    x[13 * 100 + 21] = Number.NaN;
    const spoilt = { ...problem, x };
    for (const bad of [inMemory(spoilt), inFile(spoilt, join(folder, 'bad.npy'))]) {
      await expectUserError(
        () => fitRidge({ ...options, matrix: bad, memory: 7e4 }),
        /row 13, column 21 is NaN/,
      );
    }
  });
});
