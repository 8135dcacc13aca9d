import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { baselineScores } from '../../src/pipeline/baselines.js';
import type { Case } from '../../src/pipeline/cases.js';
import { fitDetector, type TrainingData, trainingMatrix } from '../../src/pipeline/fit.js';
import { gatherColumns, linearScores } from '../../src/pipeline/gather.js';
import { auroc } from '../../src/stats/metrics.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

test('columns are gathered alike by whole rows and by single values', async () => {
  const random = seededRandom(2);
  const [rows, width] = [7, 20_000];
  const values = Float32Array.from({ length: rows * width }, () => random());
  const path = join(root, 'wide.f32');
  writeFileSync(path, new Uint8Array(values.buffer));
  // Rows out of order: an offset is an offset.
  const order = [3, 0, 6, 5];
  const offsets = order.map((row) => row * width * 4);
  for (const columns of [[17_500, 2], Array.from({ length: 300 }, (_, i) => i * 61)]) {
    const found = await gatherColumns(path, offsets, width, columns);
    const expected = order.flatMap((row) => columns.map((column) => values[row * width + column]));
    assert.deepEqual(Array.from(found), expected);
  }
});

test('scores are intercept plus weighted values', () => {
  const scores = linearScores(Float32Array.from([1, 2, 3, 4]), [0.5, -1], 10, 2);
  assert.deepEqual(Array.from(scores), [10 + 0.5 - 2, 10 + 1.5 - 4]);
});

/** Answers and other tokens of 120 cases; columns 3 and 11 tell hallucinations, in the answers only. */
function makeData(name: string): TrainingData {
  const random = seededRandom(8);
  const columns = 40;
  const values = new Float32Array(240 * columns).map(() => random());
  const cases = Array.from({ length: 120 }, (_, i) => {
    const hallucinated = i % 2 === 1;
    if (hallucinated) values[i * columns + 3] += 0.5;
    if (!hallucinated) values[i * columns + 11] += 0.5;
    return {
      answer: i * columns * 4,
      other: (120 + i) * columns * 4,
      hallucinated,
      group: `q${i}`,
      relation: 'all',
    };
  });
  const path = join(root, name);
  writeFileSync(path, new Uint8Array(values.buffer));
  return { path, columns, cases };
}

test('the telling neurons are found in both modes, and the probabilities are calibrated', async () => {
  const data = makeData('features.f32');
  for (const mode of ['3-vs-1', '1-vs-1'] as const) {
    const fit = await fitDetector(trainingMatrix(data, mode), data.cases, {
      mode,
      grid: [0.3, 3],
      folds: 4,
      seed: 1,
    });
    assert.equal(fit.rows, mode === '3-vs-1' ? 240 : 120);
    const weight = (column: number) => fit.weights[fit.indices.indexOf(column)] ?? 0;
    assert.ok(weight(3) > 0.5, `${mode}: ${weight(3)}`);
    if (mode === '1-vs-1') assert.ok(weight(11) < -0.5);
    assert.ok(fit.platt.slope > 0);
    const best = Math.max(...fit.grid.map((point) => point.accuracy));
    assert.ok(best > 0.7, `${mode}: ${best}`);
    // In 3-vs-1 most labels are 0: without calibration nearly every answer would be called faithful.
    const chosen = fit.grid.find((point) => point.C === fit.C)!;
    assert.ok(chosen.accuracy > best - 1 / 120 && chosen.neurons === fit.weights.length);
  }
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
