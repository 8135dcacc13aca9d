import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeNpy } from '../../src/formats/npy.js';
import { createSafetensors } from '../../src/formats/safetensors.js';
import { npyMatrix, safetensorsRows } from '../../src/learn/matrix.js';
import { trainMatrix } from '../../src/learn/train-matrix.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { inFile, randomProblem } from './support.js';

const folder = temporaryFolder();
const problem = randomProblem(40, 25, 1);
const grid = [1, 10];
const labelsPath = join(folder, 'y.npy');
const featuresPath = join(folder, 'x.npy');

async function writeProblem(): Promise<void> {
  inFile(problem, featuresPath);
  await writeNpy(labelsPath, { shape: [40], data: problem.labels });
}

describe('training on files', () => {
  it('gives the same for row-major, column-major and double features, and for safetensors', async () => {
    await writeProblem();
    const strip = ({ path }: Awaited<ReturnType<typeof trainMatrix>>) => path;
    const plain = strip(await trainMatrix({ featuresPath, labelsPath, grid }));
    for (const { positive, negative, indices } of plain) assert.equal(positive + negative, indices.length);

    const double = join(folder, 'x8.npy');
    await writeNpy(double, { shape: [40, 25], data: Float64Array.from(problem.x) });
    assert.deepEqual(strip(await trainMatrix({ featuresPath: double, labelsPath, grid })), plain);

    const columnMajor = join(folder, 'xf.npy');
    const turned = Float32Array.from(problem.x, (_, at) => problem.x[(at % 40) * 25 + Math.floor(at / 40)]);
    await writeNpy(columnMajor, { shape: [40, 25], data: turned });
    const bytes = readFileSync(columnMajor);
    bytes.write("'fortran_order': True, ", bytes.indexOf("'fortran_order': False,"));
    writeFileSync(columnMajor, bytes);
    assert.deepEqual(strip(await trainMatrix({ featuresPath: columnMajor, labelsPath, grid })), plain);

    const tensors = join(folder, 'x.safetensors');
    const writer = await createSafetensors(tensors, {
      other: { shape: [15, 25] },
      answer: { shape: [25, 25] },
    });
    for (let row = 0; row < 40; row++) {
      const values = problem.x.subarray(row * 25, (row + 1) * 25);
      if (row < 25) writer.writeRow('answer', row, values);
      else writer.writeRow('other', row - 25, values);
    }
    writer.close();
    const options = { featuresPath: tensors, tensors: ['answer', 'other'], labelsPath, grid };
    assert.deepEqual(strip(await trainMatrix(options)), plain);
    await expectUserError(() => trainMatrix({ ...options, tensors: undefined }), /name the tensor/);
    await expectUserError(
      () => safetensorsRows(tensors, ['answers']),
      /no tensor "answers"; it has other, answer/,
    );
  });

  it('names what is wrong with the files', async () => {
    await writeProblem();
    const double = join(folder, 'x8.npy');
    await writeNpy(double, { shape: [40, 25], data: Float64Array.from(problem.x) });
    const bad = join(folder, 'bad.npy');
    await writeNpy(bad, { shape: [40], data: Float32Array.from(problem.labels, (label) => label / 2) });
    await expectUserError(
      () => trainMatrix({ featuresPath, labelsPath: bad, grid }),
      /bad\.npy: label \d+ is 0\.5/,
    );
    await expectUserError(
      () => trainMatrix({ featuresPath: bad, labelsPath, grid }),
      /shape \(40\); features must be/,
    );
    await expectUserError(() => trainMatrix({ featuresPath, labelsPath: featuresPath, grid }), /single row/);
    await expectUserError(() => npyMatrix(double, 40 * 25 * 20 - 1), /too large .* row-major float32/);
    await npyMatrix(double, 40 * 25 * 20);
    await writeNpy(bad, { shape: [0, 25], data: new Float32Array(0) });
    await writeNpy(labelsPath, { shape: [0], data: new Uint8Array(0) });
    await expectUserError(() => trainMatrix({ featuresPath: bad, labelsPath, grid }), /0 /);
  });
});

const golden = fileURLToPath(new URL('../../../../shared/golden', import.meta.url));

it("real CETT features: liblinear's objective or better at every C, proved by the gap", async (t) => {
  if (!existsSync(join(golden, 'l1-path.json')))
    return t.skip('the validation data ../shared/golden is not here');
  const expected: { C: number; objective: number }[] = JSON.parse(
    readFileSync(join(golden, 'l1-path.json'), 'utf8'),
  ).path;
  const { path } = await trainMatrix({
    featuresPath: join(golden, 'l1-features.npy'),
    labelsPath: join(golden, 'l1-labels.npy'),
    grid: expected.map(({ C }) => C),
  });
  path.forEach((point, k) => {
    assert.equal(point.C, expected[k].C);
    assert.ok(point.objective <= expected[k].objective * (1 + 1e-5), `C ${point.C}`);
    assert.ok(point.dualGap <= 1e-5 * point.objective, `C ${point.C}: gap`);
    // A bound that some known model undercuts would be no bound.
    assert.ok(point.objective - point.dualGap <= expected[k].objective, `C ${point.C}: bound`);
  });
});
