import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { type GramTask, gramRows } from '../../src/learn/gram.js';
import type { DenseMatrix } from '../../src/learn/matrix.js';
import { lowerBound } from '../../src/learn/scan.js';
import { createScanner } from '../../src/learn/scanner.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { inFile, inHalves, inMemory, randomProblem } from './support.js';

const folder = temporaryFolder();

it('products, columns and moments are those of plain loops: blocks, files, threads, odd sizes', async () => {
  const random = seededRandom(1);
  for (const [rows, columns] of [
    [1, 1],
    [7, 33],
    [8, 5],
    [29, 2100],
  ]) {
    const halves = inHalves(randomProblem(rows, columns, rows), join(folder, `${rows}-halves.npy`));
    const problem = halves.rounded;
    const { x } = problem;
    const whole = inMemory(problem);
    // The same in blocks of 8 rows, as a matrix larger than one block has them.
    const blocks: DenseMatrix = { ...whole, rowsPerBlock: 8, blocks: [] };
    for (let first = 0; first < rows; first += 8) {
      blocks.blocks.push(whole.blocks[0].slice(first * columns, Math.min(rows, first + 8) * columns));
    }
    const file = inFile(problem, join(folder, `${rows}.npy`));
    const vectors = [0, 1, 2].map(() => Float64Array.from({ length: rows }, () => random() - 0.5));
    const chosen = Uint32Array.from({ length: columns }, (_, j) => j).filter((j) => j % 3 === 0);
    const stride = chosen.length + 1;
    for (const [matrix, threads] of [
      [whole, 1],
      [blocks, 1],
      [file, 1],
      [whole, 3],
      [file, 2],
      [halves.matrix, 1],
      [halves.matrix, 2],
    ] as const) {
      const scanner = createScanner({ threads, smallest: 0 });
      const into = new Float32Array(new SharedArrayBuffer(4 * rows * stride));
      const { products, moments } = await scanner.scan(matrix, {
        vectors,
        gathers: [{ columns: chosen, into, stride }],
        moments: true,
      });
      for (let j = 0; j < columns; j++) {
        const column = Array.from({ length: rows }, (_, i) => x[i * columns + j]);
        vectors.forEach((r, v) => {
          const expected = column.reduce((sum, value, i) => sum + value * r[i], 0);
          assert.ok(Math.abs(products[v][j] - expected) < 1e-12 * (1 + Math.abs(expected)), `column ${j}`);
        });
        assert.ok(Math.abs(moments!.sums[j] - column.reduce((a, b) => a + b, 0)) < 1e-9);
        assert.ok(
          Math.abs(moments!.squares[j] - column.reduce((a, b) => a + b * b, 0)) <
            1e-9 * (1 + moments!.squares[j]),
        );
      }
      for (let i = 0; i < rows; i++) {
        chosen.forEach((j, s) => {
          assert.equal(into[i * stride + s], x[i * columns + j]);
        });
        assert.equal(into[i * stride + stride - 1], 0);
      }
      await scanner.close();
    }
  }
});

it('Gram matrices, whole and grown, by one and by several threads', async () => {
  for (const [rows, size, from] of [
    [1, 1, 0],
    [67, 9, 0],
    [70, 8, 3],
    [64, 12, 11],
  ]) {
    const { x } = randomProblem(rows, size, 5);
    const b = new Float32Array(new SharedArrayBuffer(4 * rows * size));
    b.set(x);
    const task = (): GramTask => ({
      b,
      rows,
      size,
      from,
      into: new Float64Array(new SharedArrayBuffer(8 * size * size)),
    });
    const alone = task();
    gramRows(alone, 0, 1);
    const shared = task();
    const scanner = createScanner({ threads: 3, smallest: 0 });
    await scanner.gram(shared);
    await scanner.close();
    for (let a = from; a < size; a++) {
      for (let c = 0; c <= a; c++) {
        let expected = 0;
        for (let i = 0; i < rows; i++) expected += x[i * size + a] * x[i * size + c];
        for (const { into } of [alone, shared]) {
          assert.ok(
            Math.abs(into[a * size + c] - expected) < 1e-9 * (1 + Math.abs(expected)),
            `${rows} ${a} ${c}`,
          );
        }
      }
    }
  }
});

it('lower bounds', () => {
  const sorted = Uint32Array.of(2, 5, 9);
  assert.deepEqual(
    [0, 2, 3, 9, 10].map((value) => lowerBound(sorted, value)),
    [0, 0, 1, 2, 3],
  );
});
