import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { openParquet } from '../../src/formats/parquet.js';
import { expectUserError } from '../support/expect-user-error.js';
import { parquet } from '../support/parquet.js';
import { CODEC, ENCODING, type RawPage, rawParquet, varint } from '../support/raw-parquet.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'file.parquet');

async function rowsOf(bytes: Uint8Array, signal?: AbortSignal): Promise<unknown[]> {
  writeFileSync(path, bytes);
  const file = await openParquet(path, signal);
  try {
    const rows: unknown[] = [];
    for await (const row of file.read(file.columns)) rows.push(row);
    assert.equal(rows.length, file.rows);
    return rows;
  } finally {
    await file.close();
  }
}

/** A frame of Zstandard with one block, of a stored byte or of one that is repeated. */
function zstd({ repeat, claim }: { repeat: number; claim: number }): number[] {
  const block = (repeat << 3) | 0b011;
  const size = [...new Uint8Array(Uint32Array.of(claim).buffer)];
  return [0x28, 0xb5, 0x2f, 0xfd, 0xa0, ...size, block & 255, (block >> 8) & 255, block >> 16, 97];
}

test('a page is read, in either version and in each codec', async () => {
  const plain = Uint8Array.of(1, 0, 0, 0, 97);
  for (const bytes of [
    rawParquet(),
    rawParquet({ version: 2 }),
    rawParquet({ version: 2, codec: CODEC.gzip, size: 7, body: gzipSync(plain) }),
    rawParquet({ version: 2, codec: CODEC.brotli, size: 7, body: brotliCompressSync(plain) }),
  ]) {
    assert.deepEqual(await rowsOf(bytes), [{ question: 'a' }]);
  }
});

test('whatever a page claims, a damaged one is one line, at once', async () => {
  const run = (count: number) => [...varint(2 * count), 1];
  const groups = (count: number) => [...varint(2 * count + 1), 255];
  const cases: [string, RawPage][] = [
    ['a run of levels over the page', { levels: run(2 ** 30) }],
    ['the same in version 2', { version: 2, levels: run(2 ** 30) }],
    ['packed levels over the page', { version: 2, levels: groups(2 ** 27) }],
    ['a run of indices over the page', { encoding: ENCODING.dictionary, body: [1, ...run(2 ** 30)] }],
    ['the same in version 2', { version: 2, encoding: ENCODING.dictionary, body: [1, ...run(2 ** 30)] }],
    ['indices of no bits', { version: 2, encoding: ENCODING.dictionary, body: [0, ...groups(2 ** 29)] }],
    ['more values than bytes', { values: 2 ** 23 }],
    ['values beyond any limit', { values: 2 ** 30 }],
    ['a text over the page', { body: [255, 255, 255, 127, 97] }],
    ['negative nulls', { version: 2, nulls: -(2 ** 30) }],
    ['a size far over its bytes', { codec: CODEC.gzip, size: 2 ** 31 - 1 }],
    ['blocks of differences of no length', { encoding: ENCODING.deltaLength, body: [0, 0, 1, 2] }],
    [
      'blocks of differences without end',
      { encoding: ENCODING.deltaBytes, body: [...varint(2 ** 31), ...varint(2 ** 32 - 128), 1, 2] },
    ],
    ['an unknown encoding', { encoding: 77 }],
    ['an unknown codec', { codec: 3 }],
    ...Object.values(CODEC).map((codec): [string, RawPage] => [
      `noise for codec ${codec}`,
      { version: 2, codec, size: 5000, body: Array.from({ length: 64 }, (_, i) => (i * 89 + codec) & 255) },
    ]),
    [
      'a frame that claims a gigabyte',
      { version: 2, codec: CODEC.zstd, size: 7, body: zstd({ repeat: 5, claim: 2 ** 30 }) },
    ],
    [
      'a frame of another length',
      { version: 2, codec: CODEC.zstd, size: 9, body: zstd({ repeat: 5, claim: 5 }) },
    ],
  ];
  for (const [what, page] of cases) {
    // Not the line of the limits of time and memory: nothing is computed or allocated that a size only claims.
    await assert.doesNotReject(
      expectUserError(() => rowsOf(rawParquet(page)), /file\.parquet is .*damaged \(.+\)$/),
      what,
    );
  }
});

test('a file that is cut off, or with any byte changed, is read or refused', async () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    question: `question ${i}`,
    aliases: ['a', `b${i}`],
    n: i,
  }));
  const bytes = parquet({ question: 'text', aliases: 'texts', n: 'int' }, rows);
  assert.deepEqual(await rowsOf(bytes), rows);
  let read = 0;
  for (let at = 0; at < bytes.length; at += 5) {
    const changed = Uint8Array.from(bytes);
    changed[at] ^= 1 << (at % 8);
    for (const one of [changed, bytes.subarray(0, at)]) {
      await rowsOf(one).then(
        () => read++,
        (error) => expectUserError(() => Promise.reject(error), /file\.parquet/),
      );
    }
  }
  assert.ok(read > 0);
});

test('an aborted read rejects with the reason, and the next file is read', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  writeFileSync(
    path,
    parquet(
      { question: 'text' },
      Array.from({ length: 5000 }, (_, i) => ({ question: `${i}` })),
    ),
  );
  const file = await openParquet(path, controller.signal);
  await assert.rejects(
    async () => {
      for await (const _ of file.read(['question'])) controller.abort(reason);
    },
    (error) => error === reason,
  );
  await file.close();
  assert.deepEqual(await rowsOf(rawParquet()), [{ question: 'a' }]);
});
