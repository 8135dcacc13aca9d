import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import wabt from 'wabt';
import { decodeHalves } from '../../src/formats/float16.js';
import { factorise, solve } from '../../src/learn/cholesky.js';
import { MODULE } from '../../src/learn/simd/module.js';
import { decodeQuickly } from '../../src/learn/simd/simd.js';
import { seededRandom } from '../support/random.js';

it('the module is what the text says (else: npm run simd)', async () => {
  const text = readFileSync(new URL('../../../src/learn/simd/kernels.wat', import.meta.url), 'utf8');
  const { parseWat } = await wabt();
  const { buffer } = parseWat('kernels.wat', text, { simd: true }).toBinary({});
  assert.equal(Buffer.from(buffer).toString('base64'), MODULE);
});

it('every half is decoded to the same bits as one at a time, at any length', () => {
  const all = Uint16Array.from({ length: 1 << 16 }, (_, i) => i);
  const expected = new Float32Array(all.length);
  decodeHalves(all, expected);
  const found = new Float32Array(all.length);
  decodeQuickly(all, found);
  found.forEach((value, i) => {
    assert.ok(Object.is(value, expected[i]), `${i}: ${value}, ${expected[i]}`);
  });
  for (const length of [0, 1, 7, 8, 9, 4095, 4097]) {
    const into = new Float32Array(length + 1).fill(-1);
    decodeQuickly(all.subarray(3000, 3000 + length), into);
    assert.deepEqual(into.subarray(0, length), expected.subarray(3000, 3000 + length));
    assert.equal(into[length], -1);
  }
});

it('Cholesky factors of every small size and a large one: L L^T is the matrix, and systems are solved', () => {
  const random = seededRandom(3);
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 67]) {
    const b = Float64Array.from({ length: n * (n + 3) }, () => random() - 0.5);
    const matrix = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let k = 0; k < n + 3; k++) matrix[i * n + j] += b[i * (n + 3) + k] * b[j * (n + 3) + k];
    const l = matrix.slice();
    factorise(l, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = 0;
        for (let k = 0; k <= j; k++) sum += l[i * n + k] * l[j * n + k];
        assert.ok(Math.abs(sum - matrix[i * n + j]) < 1e-12 * n, `${n}: ${i}, ${j}`);
      }
    }
    const wanted = Float64Array.from({ length: n }, () => random());
    const x = Float64Array.from(wanted, (_, i) =>
      wanted.reduce((sum, value, j) => sum + matrix[i * n + j] * value, 0),
    );
    solve(l, n, x);
    x.forEach((value, i) => {
      assert.ok(Math.abs(value - wanted[i]) < 1e-6, `${n}: ${value}, ${wanted[i]}`);
    });
  }
});
