import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { chooseC, crossValidate } from '../../src/learn/cross-validate.js';
import { assignFolds } from '../../src/learn/folds.js';
import { denseMatrix } from '../../src/learn/matrix.js';
import { fitPath } from '../../src/learn/path.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { inFile, inMemory, randomProblem, spread } from './support.js';

const folder = temporaryFolder();

describe('folds', () => {
  const groups = Array.from({ length: 200 }, (_, i) => `q${Math.floor(i / 2)}`);
  const strata = Array.from(
    { length: 200 },
    (_, i) => `${i < 120 ? 'capital' : 'element'}-${Math.floor(i / 2) % 2}`,
  );

  it('never split a group, and share out every stratum', () => {
    const folds = assignFolds({ groups, strata, folds: 5, seed: 1 });
    const seen = new Map<string, number>();
    folds.forEach((fold, i) => {
      assert.equal(seen.get(groups[i]) ?? fold, fold);
      seen.set(groups[i], fold);
    });
    for (const stratum of new Set(strata)) {
      const total = strata.filter((own) => own === stratum).length;
      for (let fold = 0; fold < 5; fold++) {
        const share = strata.filter((own, i) => own === stratum && folds[i] === fold).length;
        assert.ok(Math.abs(share - total / 5) <= 2, `${stratum} in fold ${fold}: ${share} of ${total}`);
      }
    }
  });

  it('follow the seed', () => {
    const of = (seed: number) => assignFolds({ groups, strata, folds: 5, seed });
    assert.deepEqual(of(3), of(3));
    assert.notDeepEqual(of(3), of(4));
  });

  it('keep a group with rows of two strata whole, and many tiny strata in even folds', () => {
    const mixed = assignFolds({ groups, strata: strata.map((_, i) => `s${i % 2}`), folds: 4, seed: 1 });
    for (let i = 0; i < 200; i += 2) assert.equal(mixed[i], mixed[i + 1]);
    const single = assignFolds({ groups, strata: groups, folds: 5, seed: 1 });
    for (let fold = 0; fold < 5; fold++) assert.equal(single.filter((own) => own === fold).length, 40);
  });

  it('need enough groups', async () => {
    await expectUserError(
      () => assignFolds({ groups: ['a', 'a', 'b'], strata: ['x', 'x', 'x'], folds: 3, seed: 1 }),
      /2 questions are too few for 3 folds/,
    );
  });
});

describe('cross-validation', () => {
  const problem = randomProblem(60, 40, 2);
  const { labels } = problem;
  const groups = Array.from({ length: 60 }, (_, i) => `q${i}`);
  const strata = Array.from(labels, String);
  const options = { labels, groups, strata, grid: [0.3, 3], folds: 3, seed: 1, tolerance: 1e-9 };

  it('scores each row by a model that never saw its fold, and gives the fit to all', async () => {
    const points = await crossValidate({ ...options, matrix: inMemory(problem) });
    const folds = assignFolds(options);
    for (let fold = 0; fold < 3; fold++) {
      const inside = Array.from(folds.keys()).filter((i) => folds[i] !== fold);
      const x = Float32Array.from(inside.flatMap((i) => [...problem.x.subarray(i * 40, (i + 1) * 40)]));
      const alone = await fitPath({
        matrix: denseMatrix(inside.length, 40, x),
        labels: Uint8Array.from(inside, (i) => labels[i]),
        grid: options.grid,
        tolerance: 1e-9,
      });
      alone.forEach((point, k) => {
        const w = spread(problem, point);
        folds.forEach((own, i) => {
          if (own !== fold) return;
          let z = w[40];
          for (let j = 0; j < 40; j++) z += w[j] * problem.x[i * 40 + j];
          assert.ok(
            Math.abs(points[k].scores[i] - z) < 1e-3 * (1 + Math.abs(z)),
            `row ${i}: ${points[k].scores[i]}, ${z}`,
          );
        });
      });
    }
    const whole = await fitPath({ ...options, matrix: inMemory(problem) });
    points.forEach(({ final }, k) => {
      assert.ok(Math.abs(final.objective / whole[k].objective - 1) < 1e-8);
      assert.deepEqual(final.indices, whole[k].indices);
    });
  });

  it('counts only the rows that it is told to', async () => {
    const counted = Uint8Array.from({ length: 60 }, (_, i) => (i < 25 ? 1 : 0));
    const [point] = await crossValidate({ ...options, matrix: inMemory(problem), counted });
    const right = Array.from({ length: 25 }, (_, i) => point.scores[i] > 0 === (labels[i] === 1)).filter(
      Boolean,
    ).length;
    assert.equal(point.accuracy, right / 25);
  });

  it('is the same from a file that is read again at every pass', async () => {
    const matrix = inFile(problem, join(folder, 'cv.npy'));
    const held = await crossValidate({ ...options, matrix });
    const read = await crossValidate({ ...options, matrix, memory: 9000 });
    read.forEach((point, k) => {
      assert.deepEqual(point.final.indices, held[k].final.indices);
      point.scores.forEach((score, i) => {
        assert.ok(Math.abs(score - held[k].scores[i]) < 1e-3 * (1 + Math.abs(score)));
      });
    });
  });

  it('ends when one of its fits fails', async () => {
    const stop = new AbortController();
    const running = crossValidate({
      ...options,
      matrix: inMemory(problem),
      signal: stop.signal,
      onFit: (done) => done === 2 && stop.abort(new Error('enough')),
    });
    await assert.rejects(running, /enough/);
  });

  it('refuses folds that leave one class', async () => {
    const one = Uint8Array.from({ length: 60 }, (_, i) => (i === 0 ? 1 : 0));
    await expectUserError(
      () => crossValidate({ ...options, labels: one, matrix: inMemory(problem) }),
      /without one of its 3 folds .* only label 0/,
    );
  });
});

it('C: the best figure, ties and less than one sample to the sparser, then to the smaller', () => {
  const point = (C: number, accuracy: number, neurons: number) => ({ C, accuracy, neurons });
  const grid = [point(1, 0.8, 5), point(2, 0.81, 9), point(3, 0.81, 8), point(4, 0.81, 8)];
  assert.equal(chooseC(grid, 100).C, 3);
  assert.equal(chooseC(grid, 99).C, 1);
  assert.equal(chooseC([point(2, 0.5, 0), point(1, 0.5, 0)], 10).C, 1);
});
