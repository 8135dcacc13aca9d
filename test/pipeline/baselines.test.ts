import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { answerEntropy } from '../../src/pipeline/baselines.js';
import { simpleNeuronBaselines, standardisedDifferences } from '../../src/pipeline/neuron-baselines.js';
import { higherRate } from '../../src/pipeline/probes.js';
import { layerOf } from '../../src/pipeline/ridge-baselines.js';
import type { Half } from '../../src/pipeline/train.js';
import { auroc } from '../../src/stats/metrics.js';
import { wilsonInterval } from '../../src/stats/wilson.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const [rows, columns] = [40, 30];
const random = seededRandom(12);
const labels = Uint8Array.from({ length: rows }, (_, i) => (i % 3 === 0 ? 1 : 0));
const values = Float32Array.from({ length: rows * columns }, (_, at) => {
  const [row, column] = [Math.floor(at / columns), at % columns];
  if (column === 4) return 0.25;
  return random() + (column === 7 ? -0.6 : column === 9 ? 0.4 : 0) * labels[row];
});
const path = join(root, 'x.f32');
writeFileSync(path, new Uint8Array(values.buffer));
const matrix = { path, columns, offsets: Float64Array.from({ length: rows }, (_, i) => 4 * columns * i) };

/** Mean and variance of the rows of one label. */
function moments(column: number, label: number) {
  const list = [...labels.keys()].filter((i) => labels[i] === label).map((i) => values[i * columns + column]);
  const mean = list.reduce((a, b) => a + b) / list.length;
  return { n: list.length, mean, squares: list.reduce((sum, value) => sum + (value - mean) ** 2, 0) };
}

test('standardised differences by their definition', async () => {
  const { differences, deviations } = await standardisedDifferences(matrix, labels);
  for (let j = 0; j < columns; j++) {
    const [zero, one] = [moments(j, 0), moments(j, 1)];
    const within = Math.sqrt((zero.squares + one.squares) / rows);
    if (j === 4) assert.equal(differences[j], 0);
    else {
      assert.ok(Math.abs(deviations[j] - within) < 1e-6);
      assert.ok(Math.abs(differences[j] - (one.mean - zero.mean) / within) < 1e-5, `column ${j}`);
    }
  }
});

test('the best neuron is the one with the best AUROC, the projection that of the largest differences', async () => {
  const cases = Array.from(labels, (label) => ({ class: label ? 'hallucinated' : 'faithful' }));
  const half = { cases, answer: matrix, other: matrix } as unknown as Half;
  const [best, projection] = await simpleNeuronBaselines(half, half, 2);
  const areas = Array.from({ length: columns }, (_, j) => {
    const area = auroc(
      Array.from({ length: rows }, (_, i) => values[i * columns + j]),
      labels,
    );
    return Math.max(area, 1 - area);
  });
  assert.ok(Math.abs(auroc(best.scores, labels) - Math.max(...areas)) < 1e-12);
  // Columns 7 and 9, each by its difference over its deviation within the classes.
  const weight = (j: number) => {
    const [zero, one] = [moments(j, 0), moments(j, 1)];
    return (one.mean - zero.mean) / ((zero.squares + one.squares) / rows);
  };
  const expected = Array.from(
    { length: rows },
    (_, i) => weight(7) * values[i * columns + 7] + weight(9) * values[i * columns + 9],
  );
  assert.equal(auroc(projection.scores, labels), auroc(expected, labels));
});

test('entropy of the answers, which are the same after normalisation', () => {
  assert.equal(answerEntropy(['Paris', ' paris.', 'The answer is Paris']), 0);
  assert.ok(Math.abs(answerEntropy(['Rome', 'Oslo']) - Math.log(2)) < 1e-12);
  const three = -(0.5 * Math.log(0.5) + 0.5 * Math.log(0.25));
  assert.ok(Math.abs(answerEntropy(['Rome', 'rome', 'Oslo', 'Bern']) - three) < 1e-12);
});

test('the columns of a layer are where they stand in the file, in both number types', () => {
  const layered = { path, columns: 12, offsets: Float64Array.of(100, 500) };
  assert.deepEqual(layerOf(layered, 2, 3), { path, columns: 4, offsets: Float64Array.of(132, 532) });
  const half = layerOf({ ...layered, dtype: 'F16' }, 1, 3);
  assert.deepEqual([...half.offsets], [108, 508]);
});

test('how often one is higher: ties half, with the interval of Wilson', () => {
  assert.deepEqual(higherRate([2, 1, 5, 3], [1, 1, 6, 2]), wilsonInterval(2.5, 4));
});
