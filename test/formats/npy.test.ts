import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadNpy, type NpyData, readNpy, writeNpy } from '../../src/formats/npy.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const newFolder = () => mkdtempSync(join(root, 't-'));

/** A .npy file with any header text, as NumPy or a hostile writer might have made it. */
function rawNpy(header: string, body: Uint8Array, version = 1): Buffer {
  const length = Buffer.alloc(version > 1 ? 4 : 2);
  if (version > 1) length.writeUInt32LE(header.length);
  else length.writeUInt16LE(header.length);
  return Buffer.concat([
    Buffer.from([0x93]),
    Buffer.from('NUMPY'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(header),
    body,
  ]);
}

test('what is written is read back, for every type and rank', async () => {
  const path = join(newFolder(), 'a.npy');
  const cases: [number[], NpyData][] = [
    [[2, 3], new Float32Array([1, 2, 3, 4.5, -5, Number.NaN])],
    [[2], new Float64Array([Math.PI, -0])],
    [[], new Int8Array([-7])],
    [[1, 2, 1], new BigInt64Array([-(2n ** 62n), 5n])],
    [[0, 4], new Uint8Array(0)],
    [[3], new Uint32Array([0, 1, 2 ** 32 - 1])],
  ];
  for (const [shape, data] of cases) {
    await writeNpy(path, { shape, data });
    const read = await loadNpy(path);
    assert.deepEqual(read.shape, shape);
    assert.deepEqual(read.data, data);
    assert.equal((await readNpy(path)).offset % 64, 0);
  }
});

test("a file as NumPy's own source describes it: version 2, column-major, booleans, halves", async () => {
  const path = join(newFolder(), 'a.npy');
  const columns = new Uint8Array(new Float32Array([0, 10, 1, 11, 2, 12]).buffer);
  writeFileSync(path, rawNpy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n", columns, 2));
  assert.deepEqual([...(await loadNpy(path)).data], [0, 1, 2, 10, 11, 12]);
  writeFileSync(
    path,
    rawNpy("{'descr': '|b1', 'fortran_order': False, 'shape': (2,), }\n", new Uint8Array([1, 0])),
  );
  assert.deepEqual((await loadNpy(path)).data, new Uint8Array([1, 0]));
  writeFileSync(
    path,
    rawNpy("{'shape': (1,), 'fortran_order': False, 'descr': '<f2'}\n", new Uint8Array([0, 0xc0])),
  );
  assert.deepEqual((await loadNpy(path)).data, new Float32Array([-2]));
});

test('hostile and broken headers', async () => {
  const path = join(newFolder(), 'a.npy');
  const header = (shape: string, descr = '<f4') =>
    `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }\n`;
  const body = new Uint8Array(16);
  for (const [bytes, reason] of [
    [Buffer.from('PK\x03\x04 something else'), /not a NumPy/],
    [Buffer.alloc(0), /not a NumPy/],
    [rawNpy(header('5,'), body), /truncated .* needs 20 bytes, 16 are there/],
    [rawNpy(header('4294967296, 4294967296'), body), /truncated/],
    [rawNpy(header('4,', '>f4'), body), />f4 is not supported/],
    [rawNpy(header('4,', '|O'), body), /O is not supported/],
    [rawNpy(header('-4,'), body), /no plain array/],
    [rawNpy(header('4 4,'), body), /no list of at most 64 sizes/],
    [rawNpy(header('99999999999999999999, 0'), body), /no list of at most 64 sizes/],
    [rawNpy(header('1, '.repeat(200_000)), body, 2), /no list of at most 64 sizes/],
    [rawNpy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,)}", body), /no plain array/],
    [rawNpy(header('4,'), body, 9), /version 9/],
    [rawNpy(header('4,'), body).subarray(0, 30), /longer than the file/],
  ] as const) {
    writeFileSync(path, bytes);
    await expectUserError(() => loadNpy(path), /a\.npy/, reason);
  }
  const long = rawNpy(header('4,'), body, 2);
  long.writeUInt32LE(0xffffffff, 8);
  writeFileSync(path, long);
  await expectUserError(() => readNpy(path), /longer than the file/);
  await expectUserError(() => readNpy(`${path}x`), /no such file/);
});

test('a file cut short after it was written', async () => {
  const path = join(newFolder(), 'a.npy');
  await writeNpy(path, { shape: [4], data: new Float32Array(4) });
  truncateSync(path, readFileSync(path).length - 1);
  await expectUserError(() => loadNpy(path), /truncated/);
});
