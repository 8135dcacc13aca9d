import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { F32, Q8_0 } from '../../src/engine/gguf/ggml-types.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import { expectUserError } from '../support/expect-user-error.js';
import { array, entry, type RawFile, rawGguf, TYPE, tensor, text, u32, u64 } from '../support/raw-gguf.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const path = join(folder, 'model.gguf');

async function refused(content: Buffer | string, ...patterns: RegExp[]): Promise<void> {
  writeFileSync(path, content);
  await expectUserError(() => readGguf(path), /model\.gguf/, ...patterns);
}

describe('what is no GGUF file', () => {
  it('a missing file', () =>
    expectUserError(() => readGguf(join(folder, 'none.gguf')), /cannot open .*none\.gguf: no such file/));

  it('a folder', async () => {
    mkdirSync(join(folder, 'sub'));
    await expectUserError(() => readGguf(join(folder, 'sub')), /sub is a folder/);
  });

  it('a path through a file', async () => {
    writeFileSync(path, 'x');
    await expectUserError(
      () => readGguf(join(path, 'x.gguf')),
      /cannot open .*x\.gguf: a part of the path is not a folder/,
    );
  });

  it('a pipe, without waiting for a writer', { skip: process.platform === 'win32' }, async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expectUserError(() => readGguf(join(folder, 'pipe')), /pipe is no regular file/);
  });

  const root = process.getuid?.() === 0;
  it('a file without permission', { skip: root || process.platform === 'win32' }, async () => {
    writeFileSync(join(folder, 'secret.gguf'), rawGguf({}));
    chmodSync(join(folder, 'secret.gguf'), 0);
    await expectUserError(() => readGguf(join(folder, 'secret.gguf')), /secret\.gguf: permission denied/);
  });

  it('an empty file', () => refused('', /is empty/, /download it again/));

  it('a file cut off within the first 24 bytes', async () => {
    for (let length = 4; length < 24; length++) {
      await refused(rawGguf({}).subarray(0, length), new RegExp(`ends after ${length} bytes`));
    }
  });

  const safetensors = Buffer.concat([u64(20), Buffer.from('{"a":{"dtype":"F32"}}')]);
  const kinds: [name: string, content: Buffer | string, pattern: RegExp][] = [
    ['safetensors', safetensors, /a safetensors file; convert it/],
    ['a PyTorch checkpoint', Buffer.from('PK\x03\x04\x00\x00', 'latin1'), /zip archive, perhaps a PyTorch/],
    ['an old PyTorch checkpoint', Buffer.from([0x80, 2, 0x8a, 10, 0x6c]), /Python pickle/],
    ['a web page', '\n<!DOCTYPE html><html><body>404', /a web page; download the GGUF/],
    ['an XML error', '<?xml version="1.0"?><Error><Code>AccessDenied', /a web page/],
    ['a JSON error', '{"error":"Repository not found"}', /a JSON file/],
    [
      'a git-lfs pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
      /git-lfs pointer.*git lfs pull/,
    ],
    ['a GGML file', Buffer.from('tjgg\x03\x00\x00\x00', 'latin1'), /before GGUF/],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), /compressed file; unpack/],
    ['zeros', Buffer.alloc(1000), /zeros.*cut off.*download it again/],
    ['big-endian by its magic', 'FUGG\x00\x00\x00\x03', /big-endian/],
    ['big-endian by its version', rawGguf({ version: 0x03000000 }), /big-endian/],
    ['something else', 'once upon a time', /not a GGUF file.*6f6e6365/],
    ['version 1', rawGguf({ version: 1 }), /version 1.*newer conversion/],
    ['version 4', rawGguf({ version: 4 }), /version 4, but only 2 and 3.*update hneurons/],
    ['version 0', rawGguf({ version: 0 }), /big-endian|version 0/],
  ];
  for (const [name, content, pattern] of kinds) it(name, () => refused(content, pattern));
});

describe('metadata that make no sense', () => {
  it('a value cut off', () => {
    const whole = rawGguf({ entries: [entry('key', TYPE.uint64, u64(1))] });
    return refused(
      whole.subarray(0, 24 + 11 + 4 + 7),
      /incomplete or damaged: metadata entry key needs 8 bytes/,
    );
  });

  const cases: [name: string, file: RawFile, pattern: RegExp][] = [
    ['an unknown type', { entries: [entry('key', 13, u64(0))] }, /entry key has the unknown type 13/],
    ['an unknown item type', { entries: [array('key', 99, 1, u64(0))] }, /unknown type 99/],
    ['a name twice', { entries: [entry('k', 4, u32(1)), entry('k', 4, u32(2))] }, /entry k is there twice/],
    ['an empty name', { entries: [entry('', 4, u32(1))] }, /entry 0 has no name/],
    ['line breaks and colours in a name', { entries: [entry('a\n\u001b[31mb', 99)] }, /a\?\?\[31mb/],
    ['an alignment of 0', { entries: [entry('general.alignment', 4, u32(0))] }, /alignment/],
    ['an alignment of 24', { entries: [entry('general.alignment', 4, u32(24))] }, /no power of two/],
    ['an alignment that is text', { entries: [entry('general.alignment', 8, text('32'))] }, /alignment/],
  ];
  for (const [name, file, pattern] of cases)
    it(name, () => refused(rawGguf(file), pattern, /download it again/));
});

describe('lengths that the file cannot hold', () => {
  const huge = 2n ** 50n;
  const oneArray = Buffer.concat([u32(TYPE.array), u64(1)]);
  const cases: [name: string, file: RawFile, pattern: RegExp][] = [
    ['metadata entries', { entryCount: huge }, /claims 1125899906842624 metadata entries/],
    ['tensors', { tensorCount: huge }, /claims 1125899906842624 tensors/],
    ['a count above 2^53', { entryCount: 2n ** 64n - 1n }, /number of metadata entries is/],
    ['a name', { entries: [u64(huge)] }, /the name of metadata entry 0 needs/],
    ['a string', { entries: [text('key'), u32(TYPE.string), u64(huge)] }, /entry key needs/],
    ['bytes', { entries: [array('key', TYPE.uint8, huge)] }, /entry key needs/],
    ['numbers', { entries: [array('key', TYPE.uint64, huge)] }, /entry key needs/],
    [
      'numbers, in bytes beyond 2^64',
      { entries: [array('key', TYPE.uint64, 2n ** 53n - 1n)] },
      /entry key needs/,
    ],
    ['strings', { entries: [array('key', TYPE.string, huge)] }, /entry key needs/],
    ['a string in an array', { entries: [array('key', TYPE.string, 1, u64(huge))] }, /entry key needs/],
    ['arrays', { entries: [array('key', TYPE.array, huge)] }, /nests too many arrays/],
    [
      'arrays in arrays in arrays',
      { entries: [array('key', TYPE.array, 1, Buffer.concat(Array(50_000).fill(oneArray)))] },
      /nests too many arrays/,
    ],
    ['a tensor name', { tensors: [u64(huge)] }, /the name of tensor 0 needs/],
  ];
  for (const [name, file, pattern] of cases) {
    it(`${name}: refused without allocating them`, async () => {
      const before = process.resourceUsage().maxRSS;
      await refused(rawGguf(file), pattern);
      assert.ok(process.resourceUsage().maxRSS - before < 50_000, 'peak memory grew by 50 MB or more');
    });
  }

  it('nor are they when the file is large enough to hold them', async () => {
    const before = process.resourceUsage().maxRSS;
    for (const items of [TYPE.uint8, TYPE.string]) {
      writeFileSync(path, rawGguf({ entries: [array('key', items, 2 ** 28)] }));
      truncateSync(path, 2 ** 32);
      await expectUserError(() => readGguf(path), /the header is damaged/);
    }
    assert.ok(process.resourceUsage().maxRSS - before < 50_000, 'peak memory grew by 50 MB or more');
  });
});

describe('tensors that make no sense', () => {
  const cases: [name: string, file: RawFile, pattern: RegExp][] = [
    [
      'a download that was cut off: says how much is there and how much there should be',
      { tensors: [tensor('a', [8], F32, 0), tensor('b', [1000], F32, 32)], data: 64 },
      /incomplete: it has 160 bytes of at least 4128; download it again/,
    ],
    ['an info cut off', { tensors: [text('a'), u32(2), u64(4)] }, /tensor a needs/],
    [
      'overlap',
      { tensors: [tensor('a', [16], F32, 0), tensor('b', [8], F32, 32)], data: 64 },
      /a and b overlap/,
    ],
    [
      'the same place',
      { tensors: [tensor('a', [8], F32, 0), tensor('b', [8], F32, 0)], data: 64 },
      /overlap/,
    ],
    ['an unaligned offset', { tensors: [tensor('a', [8], F32, 16)], data: 64 }, /tensor a is not aligned/],
    ['an offset beyond 2^53', { tensors: [tensor('a', [8], F32, 2n ** 60n)], data: 64 }, /tensor a is/],
    [
      'an offset near 2^53',
      { tensors: [tensor('a', [8], F32, 2n ** 53n - 32n)] },
      /tensor a has the shape 8/,
    ],
    ['five dimensions', { tensors: [tensor('a', [1, 1, 1, 1, 1], F32, 0)], data: 32 }, /5 dimensions/],
    ['4 billion dimensions', { tensors: [text('a'), u32(2 ** 32 - 1)] }, /4294967295 dimensions/],
    [
      'a dimension of 2^63',
      { tensors: [tensor('a', [2n ** 63n], F32, 0)] },
      /tensor a is 9223372036854776000/,
    ],
    [
      'a product of dimensions beyond 2^53',
      { tensors: [tensor('a', [2 ** 40, 2 ** 40], F32, 0)] },
      /has the shape/,
    ],
    [
      'an unknown type',
      { tensors: [tensor('a', [32], 5, 0)], data: 128 },
      /ggml type 5.*another quantisation/,
    ],
    ['rows of half a block', { tensors: [tensor('a', [48], Q8_0, 0)], data: 64 }, /\(Q8_0\) has rows of 48/],
    [
      'a name twice',
      { tensors: [tensor('a', [8], F32, 0), tensor('a', [8], F32, 32)], data: 64 },
      /a is there twice/,
    ],
  ];
  for (const [name, file, pattern] of cases) it(name, () => refused(rawGguf(file), pattern));
});
