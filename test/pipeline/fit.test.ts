import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assignFolds } from '../../src/learn/folds.js';
import { denseMatrix, rowOf } from '../../src/learn/matrix.js';
import { fitPath } from '../../src/learn/path.js';
import { baselineScores } from '../../src/pipeline/baselines.js';
import type { Case } from '../../src/pipeline/cases.js';
import { drawControls, runControls } from '../../src/pipeline/controls.js';
import { decisionValues } from '../../src/pipeline/decision.js';
import { fitDetector } from '../../src/pipeline/fit.js';
import { gather, linearScores, placesOf } from '../../src/pipeline/gather.js';
import { fitPlatt, plattProbability } from '../../src/stats/calibration.js';
import { auroc } from '../../src/stats/metrics.js';
import { expectUserError } from '../support/expect-user-error.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

test('gathered columns are found again, whatever the order they were asked for in', async () => {
  const random = seededRandom(2);
  const [rows, columns] = [7, 50];
  const values = Float32Array.from({ length: rows * columns }, () => random());
  const path = join(root, 'wide.f32');
  writeFileSync(path, new Uint8Array(values.buffer));
  // Rows out of order: an offset is an offset.
  const order = [3, 0, 6, 5];
  const matrix = { path, columns, offsets: Float64Array.from(order, (row) => row * columns * 4) };
  const gathered = await gather(matrix, [40, 2, 17, 40]);
  assert.deepEqual(gathered.columns, Uint32Array.of(2, 17, 40));
  assert.deepEqual(placesOf(gathered, [40, 2]), Uint32Array.of(2, 0));
  const scores = linearScores(gathered, [40, 2], [0.5, -1], 10);
  const expected = order.map((row) => 10 + 0.5 * values[row * columns + 40] - values[row * columns + 2]);
  assert.deepEqual(Array.from(scores), expected);
  await expectUserError(() => gather(matrix, [2, 50]), /column 50/);
  await expectUserError(() => gather({ ...matrix, path: join(root, 'none') }, [2]), /cannot read .*none/);
});

/** Answers, then other tokens, of 120 cases of 40 features; columns 3 and 11 tell hallucinations, in the answers only. */
function makeData() {
  const random = seededRandom(8);
  const columns = 40;
  const values = new Float32Array(240 * columns).map(() => random());
  const cases = Array.from({ length: 120 }, (_, i) => {
    const hallucinated = i % 2 === 1;
    if (hallucinated) values[i * columns + 3] += 0.5;
    if (!hallucinated) values[i * columns + 11] += 0.5;
    return {
      class: hallucinated ? ('hallucinated' as const) : ('faithful' as const),
      relation: `r${i % 3}`,
      group: `q${i}`,
    };
  });
  const answers = denseMatrix(120, columns, values.subarray(0, 120 * columns));
  return { cases, answers, both: denseMatrix(240, columns, values) };
}

const settings = { mode: '3-vs-1' as const, grid: [0.3, 3], folds: 4, seed: 1 };

test('the telling neurons are found in both modes, and the probabilities are calibrated', async () => {
  const { cases, answers, both } = makeData();
  for (const mode of ['3-vs-1', '1-vs-1'] as const) {
    const matrix = mode === '3-vs-1' ? both : answers;
    const fit = await fitDetector({ matrix, cases }, { ...settings, mode });
    const weight = (column: number) => fit.weights[fit.indices.indexOf(column)] ?? 0;
    assert.ok(weight(3) > 0.5, `${mode}: ${weight(3)}`);
    if (mode === '1-vs-1') assert.ok(weight(11) < -0.5);
    const best = Math.max(...fit.grid.map((point) => point.accuracy));
    assert.ok(best > 0.7, `${mode}: ${best}`);
    assert.equal(fit.grid.find((point) => point.C === fit.C)!.accuracy, best);
    // What decides is the calibrated score; the raw one of 3-vs-1 would call nearly all of them faithful.
    const scores = linearScores(await gather(answers, fit.indices), fit.indices, fit.weights, fit.intercept);
    const right = decisionValues(fit.platt, scores).filter((value, i) => value > 0 === (i % 2 === 1)).length;
    assert.ok(right > 0.75 * 120, `${mode}: ${right}`);
  }
});

test('3-vs-1 done by hand: other tokens are negatives of their fold, figures and calibration are of answers alone', async () => {
  const { cases, both } = makeData();
  const fit = await fitDetector({ matrix: both, cases }, settings);
  const rows = [...cases, ...cases];
  const folds = assignFolds({
    groups: rows.map((one) => one.group),
    strata: rows.map((one) => JSON.stringify([one.class, one.relation])),
    folds: 4,
    seed: 1,
  });
  const truth = Uint8Array.from({ length: 240 }, (_, i) => (i < 120 && i % 2 === 1 ? 1 : 0));
  for (const point of fit.grid) {
    const held = new Float64Array(120);
    for (let fold = 0; fold < 4; fold++) {
      const inside = Array.from(folds.keys()).filter((row) => folds[row] !== fold);
      const x = Float32Array.from(inside.flatMap((row) => [...rowOf(both, row)]));
      const [model] = await fitPath({
        matrix: denseMatrix(inside.length, 40, x),
        labels: Uint8Array.from(inside, (row) => truth[row]),
        grid: [point.C],
      });
      for (let row = 0; row < 120; row++) {
        if (folds[row] !== fold) continue;
        held[row] = model.intercept;
        model.indices.forEach((j, k) => {
          held[row] += model.weights[k] * rowOf(both, row)[j];
        });
      }
    }
    const platt = fitPlatt(held, truth.subarray(0, 120));
    const right = held.filter(
      (score, row) => plattProbability(platt, score) > 0.5 === (truth[row] === 1),
    ).length;
    // Both fits are optimal to a small gap only, which may turn an answer that lies on the border.
    assert.ok(Math.abs(point.accuracy * 120 - right) <= 1.01, `C ${point.C}: ${point.accuracy}, ${right}`);
    if (point.C !== fit.C) continue;
    assert.ok(Math.abs(fit.platt.slope / platt.slope - 1) < 0.03, `${fit.platt.slope}, ${platt.slope}`);
    assert.ok(Math.abs(fit.platt.intercept - platt.intercept) < 0.05);
  }
  const [whole] = await fitPath({ matrix: both, labels: truth, grid: [fit.C] });
  assert.deepEqual(fit.indices, whole.indices);
  assert.ok(Math.abs(fit.intercept - whole.intercept) < 0.02);
});

test('standardised: the size of a feature makes no difference, and weights are for the features as they are', async () => {
  const { cases, both } = makeData();
  const large = denseMatrix(
    240,
    40,
    Float32Array.from({ length: 240 * 40 }, (_, at) => {
      const [row, column] = [Math.floor(at / 40), at % 40];
      return rowOf(both, row)[column] * (column === 3 ? 1024 : 1);
    }),
  );
  const options = { ...settings, standardise: true };
  const [one, other] = [
    await fitDetector({ matrix: both, cases }, options),
    await fitDetector({ matrix: large, cases }, options),
  ];
  assert.deepEqual(one.indices, other.indices);
  one.indices.forEach((column, i) => {
    const expected = one.weights[i] / (column === 3 ? 1024 : 1);
    assert.ok(Math.abs(other.weights[i] - expected) < 1e-4 * Math.abs(expected), `column ${column}`);
  });
  const scores = async (matrix: typeof both, fit: typeof one) =>
    linearScores(await gather(matrix, fit.indices), fit.indices, fit.weights, fit.intercept);
  const [here, there] = [await scores(both, one), await scores(large, other)];
  here.forEach((score, row) => {
    assert.ok(Math.abs(score - there[row]) < 1e-3, `row ${row}`);
  });
  // Not so without: the large column is all but free of the penalty.
  const weightOf = (fit: typeof one) => fit.weights[fit.indices.indexOf(3)];
  const plain = await fitDetector({ matrix: both, cases }, settings);
  const free = await fitDetector({ matrix: large, cases }, settings);
  assert.ok(1024 * weightOf(free) > 1.1 * weightOf(plain), `${weightOf(free)} ${weightOf(plain)}`);
});

test('balanced class weights: the raw scores of 3-vs-1 no longer lean to the label that most rows have', async () => {
  const { cases, both, answers } = makeData();
  const called = async (classWeights: 'none' | 'balanced') => {
    const fit = await fitDetector({ matrix: both, cases }, { ...settings, classWeights });
    const scores = linearScores(await gather(answers, fit.indices), fit.indices, fit.weights, fit.intercept);
    return scores.filter((score) => score > 0).length;
  };
  const [none, balanced] = [await called('none'), await called('balanced')];
  assert.ok(none < 40 && balanced > 50, `${none} ${balanced}`);
});

test('the accuracy of a C is that of answers whose question was held out', async () => {
  // Each question twice, with labels that nothing but the question itself could tell: seen in training, it would be learned.
  const random = seededRandom(5);
  const columns = 300;
  const values = new Float32Array(80 * columns);
  for (let question = 0; question < 40; question++) {
    const row = Float32Array.from({ length: columns }, () => random());
    for (const at of [2 * question, 2 * question + 1]) values.set(row, at * columns);
  }
  const cases = Array.from({ length: 80 }, (_, i) => ({
    class: i % 4 < 2 ? ('hallucinated' as const) : ('faithful' as const),
    relation: 'r',
    group: `q${Math.floor(i / 2)}`,
  }));
  const run = (data: typeof cases) =>
    fitDetector(
      { matrix: denseMatrix(80, columns, values), cases: data },
      { ...settings, mode: '1-vs-1', grid: [100] },
    );
  const apart = await run(cases);
  assert.ok(apart.grid[0].accuracy < 0.75, `${apart.grid[0].accuracy}`);
  const leaking = await run(cases.map((one, i) => ({ ...one, group: `${i}` })));
  assert.ok(leaking.grid[0].accuracy > 0.8, `${leaking.grid[0].accuracy}`);
});

test('of equally accurate values of C the sparser one is taken, and repeats are fitted once', async () => {
  const { cases, answers } = makeData();
  // Column 0 gives the class away: every C is right.
  for (let i = 0; i < 120; i++) rowOf(answers, i)[0] = i % 2 ? 9 : 0;
  const fit = await fitDetector(
    { matrix: answers, cases },
    { ...settings, mode: '1-vs-1', grid: [100, 1, 100] },
  );
  assert.deepEqual(
    fit.grid.map(({ C, accuracy }) => [C, accuracy]),
    [
      [1, 1],
      [100, 1],
    ],
  );
  assert.ok(fit.grid[0].neurons <= fit.grid[1].neurons);
  assert.equal(fit.C, 1);
});

test('folds hold both classes also where every relation has one case of each', async () => {
  const { answers } = makeData();
  const cases = makeData().cases.map((one, i) => ({ ...one, relation: `r${Math.floor(i / 2)}` }));
  // Dealt relation by relation, one of two folds would get all faithful cases.
  const fit = await fitDetector({ matrix: answers, cases }, { ...settings, mode: '1-vs-1', folds: 2 });
  assert.ok(Math.max(...fit.grid.map((point) => point.accuracy)) > 0.7);
});

test('a fit reports its progress, follows the seed, and says when there are too few questions', async () => {
  const { cases, both } = makeData();
  const seen: number[][] = [];
  const fit = (more: object) =>
    fitDetector(
      { matrix: both, cases },
      { ...settings, ...more },
      { onFit: (done, total) => seen.push([done, total]) },
    );
  const first = await fit({});
  assert.deepEqual(
    seen,
    Array.from({ length: 10 }, (_, i) => [i + 1, 10]),
  );
  assert.deepEqual(await fit({}), first);
  assert.notDeepEqual((await fit({ seed: 2 })).platt, first.platt);
  await expectUserError(() => fit({ folds: 121 }), /120 questions are too few for 121 folds/);
  await assert.rejects(
    fitDetector({ matrix: both, cases }, settings, { signal: AbortSignal.abort(new Error('enough')) }),
    /enough/,
  );
});

test('controls: of the size of the detector, each trained and scored on its own columns', async () => {
  const { cases, both, answers } = makeData();
  const drawn = drawControls({ columns: 40, neurons: 6, controls: 5, seed: 1 });
  assert.deepEqual(
    drawn.map((set) => new Set(set).size),
    [6, 6, 6, 6, 6],
  );
  assert.equal(new Set(drawn.map(String)).size, 5);
  assert.equal(drawControls({ columns: 40, neurons: 0, controls: 1, seed: 1 })[0].length, 1);
  assert.equal(drawControls({ columns: 4, neurons: 9, controls: 1, seed: 1 })[0].length, 4);

  // The first is blind; the others see what tells, at different places among their columns.
  const sets = [
    [0, 1, 2, 30],
    [1, 3, 11, 30],
    [2, 3, 11, 39],
  ].map((set) => Uint32Array.from(set));
  const all = sets.flatMap((set) => [...set]);
  const progress: number[] = [];
  const options = {
    sets,
    training: await gather(both, all),
    cases: cases as Case[],
    test: await gather(answers, all),
    settings,
    onProgress: (done: number) => progress.push(done),
  };
  const runs = await runControls(options);
  assert.deepEqual(progress, [0, 1, 2, 3]);
  assert.deepEqual(
    runs.map(({ seed }) => seed),
    [0, 1, 2],
  );
  const labels = cases.map((one) => (one.class === 'hallucinated' ? 1 : 0));
  const [blind, ...seeing] = runs.map(({ scores }) => auroc(scores, labels));
  assert.ok(blind < 0.7, `${blind}`);
  for (const area of seeing) assert.ok(area > 0.85, `${area}`);
  // The same as a fit to a matrix of these columns alone.
  const own = await gather(both, sets[1]);
  const fit = await fitDetector({ matrix: own.values, cases }, settings);
  const columns = fit.indices.map((place) => sets[1][place]);
  const scores = linearScores(await gather(answers, columns), columns, fit.weights, fit.intercept);
  assert.deepEqual(runs[1].scores, decisionValues(fit.platt, scores));

  // What stops a run comes from outside, while controls are being fitted.
  const stop = new AbortController();
  setImmediate(() => stop.abort(new Error('enough')));
  await assert.rejects(runControls({ ...options, signal: stop.signal }), /enough/);
});

test('the direction of a baseline is learned from the training cases', () => {
  const make = (kind: 'faithful' | 'hallucinated', distinct: number, tokens: number): Case =>
    ({
      class: kind,
      distinct_answers: distinct,
      answer_start: 0,
      answer_end: tokens,
      mean_log_probability: kind === 'faithful' ? -0.1 : -2,
    }) as Case;
  const train = [make('faithful', 1, 5), make('hallucinated', 4, 2)];
  const test = [make('faithful', 1, 2), make('hallucinated', 3, 5)];
  const scores = baselineScores(train, test);
  const figures = Object.fromEntries(scores.map(({ name, scores }) => [name, auroc(scores, [0, 1])]));
  assert.deepEqual(figures, { 'answer length': 0, 'sample agreement': 1, 'log-probability': 1 });
});
