import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { encodeHalves } from '../../src/formats/float16.js';
import { writeNpy } from '../../src/formats/npy.js';
import { createSafetensors, layOutSafetensors } from '../../src/formats/safetensors.js';
import { npyMatrix, safetensorsRows } from '../../src/learn/matrix.js';
import { fitPath } from '../../src/learn/path.js';
import { trainMatrix } from '../../src/learn/train-matrix.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { inFile, inHalves, inMemory, randomProblem } from './support.js';

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

  it('takes float16 of both formats as the numbers that they are', async () => {
    await writeProblem();
    const path = join(folder, 'x2.npy');
    const { rounded } = inHalves(problem, path);
    const { path: halves } = await trainMatrix({ featuresPath: path, labelsPath, grid });
    inFile(rounded, featuresPath);
    assert.deepEqual(halves, (await trainMatrix({ featuresPath, labelsPath, grid })).path);
    assert.notEqual(
      halves[0].objective,
      (await fitPath({ matrix: inMemory(problem), labels: problem.labels, grid }))[0].objective,
    );

    const bytes = new Uint16Array(40 * 25);
    encodeHalves(problem.x, bytes);
    const tensors = join(folder, 'x2.safetensors');
    const header = JSON.stringify({
      a: { dtype: 'F16', shape: [30, 25], data_offsets: [0, 1500] },
      b: { dtype: 'F16', shape: [10, 25], data_offsets: [1500, 2000] },
      c: { dtype: 'F32', shape: [1, 25], data_offsets: [2000, 2100] },
      d: { dtype: 'I16', shape: [1, 25], data_offsets: [2100, 2150] },
    });
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    const body = [length, Buffer.from(header), new Uint8Array(bytes.buffer), Buffer.alloc(150)];
    writeFileSync(tensors, Buffer.concat(body));
    const of = (names: string[]) => trainMatrix({ featuresPath: tensors, tensors: names, labelsPath, grid });
    assert.deepEqual((await of(['a', 'b'])).path, halves);
    await expectUserError(() => of(['a', 'c']), /"c" is F32 \[1,25\]; F16 \[rows, 25\] is needed/);
    await expectUserError(() => of(['d']), /"d" is I16 .*F32 or F16/);

    // A number too large for float16 has become infinite: found before anything is fitted.
    inHalves({ ...problem, x: problem.x.map((value, at) => (at === 77 ? 1e6 : value)) }, path);
    await expectUserError(
      () => trainMatrix({ featuresPath: path, labelsPath, grid }),
      /row 3, column 2 is Infinity/,
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

it('an array without values is refused, however many rows its header claims', async () => {
  const labels = join(folder, 'y.npy');
  await writeNpy(labels, { shape: [4], data: Uint8Array.of(0, 1, 0, 1) });
  for (const [rows, columns] of [
    [10 ** 12, 0],
    [0, 10 ** 12],
  ]) {
    const npy = join(folder, 'x.npy');
    await writeNpy(npy, { shape: [rows, columns], data: new Float32Array(0) });
    await expectUserError(
      () => trainMatrix({ featuresPath: npy, labelsPath: labels, grid: [1] }),
      /is empty/,
    );
    const tensors = join(folder, 'x.safetensors');
    writeFileSync(tensors, layOutSafetensors({ t: { shape: [rows, columns] } }, {}).header);
    await expectUserError(
      () => trainMatrix({ featuresPath: tensors, tensors: ['t'], labelsPath: labels, grid: [1] }),
      /tensor "t" is empty/,
    );
  }
});

it('features that are not finite are refused with their row and column, of every type and kind of file', async () => {
  const labels = join(folder, 'y.npy');
  await writeNpy(labels, { shape: [4], data: Uint8Array.of(0, 1, 0, 1) });
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const values = [1, 2, 3, 4, 5, value, 7, 8];
    for (const data of [Float32Array.from(values), Float64Array.from(values)]) {
      const npy = join(folder, 'x.npy');
      await writeNpy(npy, { shape: [4, 2], data });
      const options = { featuresPath: npy, labelsPath: labels, grid: [1] };
      for (const standardise of [false, true]) {
        await expectUserError(
          () => trainMatrix({ ...options, standardise }),
          new RegExp(`row 2, column 1 is ${value}`),
        );
      }
    }
    const path = join(folder, `${value}.safetensors`);
    const writer = await createSafetensors(path, { t: { shape: [4, 2], dtype: 'F16' } });
    for (let i = 0; i < 8; i += 2) writer.writeRow('t', i / 2, Float32Array.from(values.slice(i, i + 2)));
    writer.close();
    await expectUserError(
      () => trainMatrix({ featuresPath: path, tensors: ['t'], labelsPath: labels, grid: [1] }),
      new RegExp(`row 2, column 1 is ${value}`),
    );
  }
});
