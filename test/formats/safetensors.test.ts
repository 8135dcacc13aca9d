import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSafetensors, openSafetensors } from '../../src/formats/safetensors.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const newFolder = () => mkdtempSync(join(root, 't-'));

function raw(header: unknown, body: number, length?: bigint): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  return Buffer.concat([size, json, Buffer.alloc(body)]);
}

test('rows in any order, the bytes as the format says, and a second run that goes on', async () => {
  const path = join(newFolder(), 'deep', 'f.safetensors');
  const shapes = { answer: { shape: [3, 2] }, other: { shape: [2] } };
  const writer = await createSafetensors(path, shapes, { model: 'é' });
  assert.equal(writer.resumed, false);
  writer.writeRow('answer', 2, new Float32Array([5, 6]));
  writer.writeRow('other', 1, new Float32Array([9]));
  writer.close();

  const again = await createSafetensors(path, shapes, { model: 'é' });
  assert.equal(again.resumed, true);
  again.writeRow('answer', 0, new Float32Array([1, 2]).subarray(0, 2));
  again.sync();
  again.close();

  // Read by hand: length, JSON, then the tensors one after another.
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  assert.deepEqual(header, {
    __metadata__: { model: 'é' },
    answer: { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] },
    other: { dtype: 'F32', shape: [2], data_offsets: [24, 32] },
  });
  assert.equal((8 + length) % 8, 0);
  const values = Array.from({ length: 8 }, (_, i) => bytes.readFloatLE(8 + length + 4 * i));
  assert.deepEqual(values, [1, 2, 0, 0, 5, 6, 0, 9]);

  const opened = await openSafetensors(path);
  assert.equal(opened.tensors.get('other')?.offset, 8 + length + 24);
  assert.deepEqual(opened.metadata, { model: 'é' });
});

test('a row that does not fit is refused', async () => {
  const writer = await createSafetensors(join(newFolder(), 'f'), { a: { shape: [3, 2] } });
  assert.throws(() => writer.writeRow('a', 3, new Float32Array(2)), RangeError);
  assert.throws(() => writer.writeRow('a', 0, new Float32Array(3)), RangeError);
  assert.throws(() => writer.writeRow('b', 0, new Float32Array(2)), RangeError);
  writer.close();
});

test('a file of another layout or another model is not overwritten', async () => {
  const path = join(newFolder(), 'f');
  (await createSafetensors(path, { a: { shape: [3, 2] } }, { m: '1' })).close();
  const before = readFileSync(path);
  await expectUserError(() => createSafetensors(path, { a: { shape: [2, 3] } }, { m: '1' }), /other tensors/);
  await expectUserError(() => createSafetensors(path, { a: { shape: [3, 2] } }, { m: '2' }), /other tensors/);
  writeFileSync(path, 'notes of mine');
  await expectUserError(() => createSafetensors(path, { a: { shape: [2, 3] } }), /not a safetensors/);
  assert.equal(readFileSync(path, 'utf8'), 'notes of mine');
  assert.ok(before.length > 24);
});

test('offsets far beyond 2^32', async (t) => {
  const path = join(newFolder(), 'f');
  const [rows, columns] = [4000, 2_300_000];
  const shapes = { answer: { shape: [rows, columns] }, other: { shape: [rows, columns] } };
  let writer: Awaited<ReturnType<typeof createSafetensors>>;
  try {
    writer = await createSafetensors(path, shapes);
  } catch (error) {
    return t.skip(`this file system has no files of 74 GB: ${(error as Error).message}`);
  }
  const row = new Float32Array(columns);
  row[columns - 1] = 7;
  writer.writeRow('other', rows - 1, row);
  writer.writeRow('answer', 700, row);
  writer.close();
  const { size, blocks } = statSync(path);
  assert.equal(blocks * 512 < size / 100, true, 'rows that are not written take no room');
  const { tensors } = await openSafetensors(path);
  const file = openSync(path, 'r');
  const last = new Float32Array(1);
  const readAt = (offset: number) => {
    readSync(file, last, 0, 4, offset);
    return last[0];
  };
  const answer = tensors.get('answer')!.offset;
  assert.equal(readAt(size - 4), 7);
  assert.equal(readAt(answer + (701 * columns - 1) * 4), 7);
  assert.equal(readAt(answer + (702 * columns - 1) * 4), 0);
  closeSync(file);
});

test('hostile headers', async () => {
  const path = join(newFolder(), 'f.safetensors');
  const f32 = (shape: number[], data_offsets: number[]) => ({ dtype: 'F32', shape, data_offsets });
  const one = '{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":0}';
  const twice = `{"a":${one},"a":${one.replace('[0,4]', '[4,8]')}}`;
  for (const [bytes, reason] of [
    [Buffer.alloc(3), /not a safetensors/],
    [raw({}, 0, 0n), /not a safetensors/],
    [raw({}, 0, 2n ** 63n), /not a safetensors/],
    [raw({}, 0, 500n), /not a safetensors, or a truncated|truncated/],
    [raw('[1]', 8), /no JSON object|header/],
    [raw('{"a"', 8), /not JSON/],
    [raw({ a: f32([2], [0, 8]) }, 7), /ends at byte/],
    [raw({ a: f32([2], [0, 4]) }, 8), /needs 8 bytes, not 4/],
    [raw({ a: f32([2], [8, 0]) }, 8), /needs 8 bytes, not -8/],
    [raw({ a: f32([-1, -2], [0, 8]) }, 8), /"a" is not described/],
    [raw({ a: f32([2 ** 40, 2 ** 40], [0, 8]) }, 8), /needs/],
    [raw({ a: { ...f32([2], [0, 8]), dtype: 'F99' } }, 8), /"a" is not described/],
    [raw({ a: f32([2], [0, 8]), b: f32([2], [4, 12]) }, 12), /"a" and "b" overlap/],
    [raw({ a: f32([2], [0, 8]), __metadata__: { x: 1 } }, 8), /__metadata__/],
    [raw({ a: f32([1], [4, 8]) }, 8), /gap between the header and "a"/],
    [raw({ a: f32([1], [0, 4]), b: f32([1], [8, 12]) }, 12), /gap between "a" and "b"/],
    [raw({ a: f32([1], [0, 4]) }, 8), /end at byte/],
    [raw(twice, 8), /has "a" twice/],
    [raw(twice.replace('"a"', '"\\u0061"'), 8), /has "a" twice/],
    [raw(twice.replace('"b":0', '"shape":[1]').replace('"a"', '"c"'), 8), /has "shape" twice/],
    [raw({ a: f32([...Array.from({ length: 99 }, () => 1)], [0, 4]) }, 4), /"a" of shape/],
  ] as const) {
    writeFileSync(path, bytes);
    await expectUserError(() => openSafetensors(path), /f\.safetensors/, reason);
  }
  writeFileSync(path, raw({ a: f32([2], [0, 8]), empty: f32([0], [4, 4]), b: f32([1], [8, 12]) }, 12));
  await expectUserError(() => openSafetensors(path), /overlap/);
});

test('a truncated feature file, and a disk that takes no more', async (t) => {
  const path = join(newFolder(), 'f.safetensors');
  (await createSafetensors(path, { a: { shape: [30, 100] } })).close();
  truncateSync(path, statSync(path).size - 1);
  await expectUserError(() => createSafetensors(path, { a: { shape: [30, 100] } }), /ends at byte/);

  const url = new URL('../../src/formats/safetensors.js', import.meta.url).href;
  const code = `
    import { createSafetensors } from ${JSON.stringify(url)};
    try { await createSafetensors(process.argv[1], { a: { shape: [30, 10000] } }); } catch (error) { console.log(error.name, error.message); }`;
  const run = spawnSync(
    'bash',
    ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, code, `${path}2`],
    { encoding: 'utf8' },
  );
  if (run.error) return t.skip('this system has no bash');
  assert.match(run.stdout, /^UserError cannot write .*safetensors2: /);
});
