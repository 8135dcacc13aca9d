import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { F16, F32, Q8_0 } from '../../src/engine/gguf/ggml-types.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import type { GgufValue } from '../../src/engine/gguf/types.js';
import {
  bool,
  float32,
  numberAt,
  string,
  stringAt,
  strings,
  stringsAt,
  uint32,
} from '../../src/engine/gguf/values.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/write.js';
import { expectUserError } from '../support/expect-user-error.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** Bytes of every tensor, read at the offsets that the reader gives. */
function tensorBytes(file: string, offset: number, bytes: number): Uint8Array {
  return Uint8Array.from(readFileSync(file).subarray(offset, offset + bytes));
}

describe('metadata', () => {
  const values: [string, GgufValue][] = [
    ['u8', { type: 'uint8', value: 255 }],
    ['i8', { type: 'int8', value: -128 }],
    ['u16', { type: 'uint16', value: 65535 }],
    ['i16', { type: 'int16', value: -32768 }],
    ['u32', uint32(4294967295)],
    ['i32', { type: 'int32', value: -2147483648 }],
    ['f32', float32(0.5)],
    ['bool', bool(true)],
    ['text', string('naïve\n日本 🙂')],
    ['empty', string('')],
    ['u64', { type: 'uint64', value: 2n ** 64n - 1n }],
    ['i64', { type: 'int64', value: -(2n ** 63n) }],
    ['f64', { type: 'float64', value: Math.PI }],
    ['a.u8', { type: 'array', items: 'uint8', value: Uint8Array.of(1, 2, 3) }],
    ['a.i8', { type: 'array', items: 'int8', value: Int8Array.of(-1, 2) }],
    ['a.u16', { type: 'array', items: 'uint16', value: Uint16Array.of(65535) }],
    ['a.i16', { type: 'array', items: 'int16', value: Int16Array.of(-5) }],
    ['a.u32', { type: 'array', items: 'uint32', value: Uint32Array.of(7, 2 ** 32 - 1) }],
    ['a.i32', { type: 'array', items: 'int32', value: Int32Array.of(-7) }],
    ['a.f32', { type: 'array', items: 'float32', value: Float32Array.of(1.5, -0) }],
    ['a.bool', { type: 'array', items: 'bool', value: Uint8Array.of(1, 0, 1) }],
    ['a.u64', { type: 'array', items: 'uint64', value: BigUint64Array.of(2n ** 63n) }],
    ['a.i64', { type: 'array', items: 'int64', value: BigInt64Array.of(-1n) }],
    ['a.f64', { type: 'array', items: 'float64', value: Float64Array.of(1e300) }],
    ['a.none', { type: 'array', items: 'float32', value: new Float32Array(0) }],
    [
      'a.a',
      {
        type: 'array',
        items: 'array',
        value: [
          { type: 'array', items: 'int32', value: Int32Array.of(1, 2) },
          {
            type: 'array',
            items: 'array',
            value: [{ type: 'array', items: 'uint8', value: Uint8Array.of(9) }],
          },
        ],
      },
    ],
  ];

  it('comes back as written, in order, for every value type', async () => {
    const path = join(folder, 'values.gguf');
    await writeGguf(path, { metadata: new Map(values), tensors: [] });
    const gguf = await readGguf(path);
    assert.deepEqual([...gguf.metadata], values);
    assert.equal(gguf.version, 3);
    assert.equal(gguf.tensors.size, 0);
  });

  it('gives string arrays back, beyond the first chunk that is read and out of order', async () => {
    const path = join(folder, 'strings.gguf');
    const words = Array.from({ length: 200_000 }, (_, i) => `${'x'.repeat(i % 13)}${i}é`);
    words[7] = '';
    const metadata = new Map([
      ['words', strings(words)],
      ['after', uint32(42)],
    ]);
    await writeGguf(path, { metadata, tensors: [] });
    const gguf = await readGguf(path);
    const list = stringsAt(gguf.metadata, 'words')!;
    assert.equal(list.length, words.length);
    for (const i of [199_999, 0, 7, 123_456]) assert.equal(list.at(i), words[i]);
    assert.equal(list.at(200_000), undefined);
    assert.equal(list.at(-1), undefined);
    assert.equal(numberAt(gguf.metadata, 'after'), 42);
  });

  it('is looked up by type: a value of another type counts as missing', async () => {
    const metadata = new Map<string, GgufValue>([
      ['text', string('a')],
      ['half', float32(0.5)],
      ['whole', { type: 'uint64', value: 12n }],
      ['huge', { type: 'uint64', value: 2n ** 60n }],
    ]);
    assert.equal(numberAt(metadata, 'text'), undefined);
    assert.equal(numberAt(metadata, 'half'), undefined);
    assert.equal(numberAt(metadata, 'huge'), undefined);
    assert.equal(numberAt(metadata, 'whole'), 12);
    assert.equal(stringAt(metadata, 'whole'), undefined);
    assert.equal(stringsAt(metadata, 'text'), undefined);
  });
});

describe('tensors', () => {
  const random = seededRandom(3);
  const bytes = (n: number) => Uint8Array.from({ length: n }, () => Math.floor(random() * 256));
  const sources: (TensorSource & { data: Uint8Array })[] = [
    { name: 'a', shape: [3], type: F32, data: bytes(12) },
    { name: 'b', shape: [64, 3], type: Q8_0, data: bytes(204) },
    { name: 'c', shape: [2, 3, 4, 5], type: F16, data: bytes(240) },
    { name: 'scalar', shape: [], type: F32, data: bytes(4) },
    { name: 'nothing', shape: [0, 8], type: F32, data: bytes(0) },
    { name: 'last', shape: [1], type: F32, data: bytes(4) },
  ];

  for (const alignment of [32, 8, 4096]) {
    it(`come back with shape, type and bytes at alignment ${alignment}`, async () => {
      const path = join(folder, `tensors-${alignment}.gguf`);
      const metadata = new Map([['general.alignment', uint32(alignment)]]);
      await writeGguf(path, { metadata, tensors: sources });
      const gguf = await readGguf(path);
      assert.deepEqual(
        [...gguf.tensors.keys()],
        sources.map((t) => t.name),
      );
      assert.equal(gguf.dataOffset % alignment, 0);
      for (const { name, shape, type, data } of sources) {
        const tensor = gguf.tensors.get(name)!;
        assert.deepEqual(tensor.shape, shape);
        assert.equal(tensor.type, type);
        assert.equal(tensor.offset % alignment, 0);
        assert.deepEqual(tensorBytes(tensor.file, tensor.offset, tensor.bytes), data);
      }
    });
  }

  it('may be produced in pieces, synchronously or not, and read from version 2 too', async () => {
    const path = join(folder, 'pieces.gguf');
    const [a, b] = sources;
    await writeGguf(path, {
      metadata: new Map(),
      tensors: [
        { ...a, data: () => [a.data.subarray(0, 5), a.data.subarray(5)] },
        {
          ...b,
          data: async function* () {
            for (let i = 0; i < b.data.length; i += 50) yield b.data.subarray(i, i + 50);
          },
        },
      ],
    });
    const content = readFileSync(path);
    content.writeUInt32LE(2, 4);
    writeFileSync(path, content);
    const gguf = await readGguf(path);
    assert.equal(gguf.version, 2);
    for (const { name, data } of [a, b]) {
      const tensor = gguf.tensors.get(name)!;
      assert.deepEqual(tensorBytes(path, tensor.offset, tensor.bytes), data);
    }
  });
});

describe('writing', () => {
  const tensor = { name: 'a', shape: [4], type: F32 };
  const metadata = new Map([['general.architecture', string('x')]]);
  const entries = () => readdirSync(folder).filter((name) => name.startsWith('kept'));

  it('leaves the old file and no litter when a producer fails or yields too few or too many bytes', async () => {
    const path = join(folder, 'kept.gguf');
    writeFileSync(path, 'old');
    const fail = () => {
      throw new Error('no data');
    };
    await assert.rejects(writeGguf(path, { metadata, tensors: [{ ...tensor, data: fail }] }), /no data/);
    for (const length of [15, 17]) {
      const data = new Uint8Array(length);
      await assert.rejects(
        writeGguf(path, { metadata, tensors: [{ ...tensor, data }] }),
        /tensor a: 1[57] bytes/,
      );
    }
    await assert.rejects(
      writeGguf(path, {
        metadata,
        tensors: [{ name: 'q', shape: [33], type: Q8_0, data: new Uint8Array(36) }],
      }),
      /rows of 33/,
    );
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(entries(), ['kept.gguf']);
  });

  it('replaces the old file when it succeeds', async () => {
    const path = join(folder, 'kept.gguf');
    await writeGguf(path, { metadata, tensors: [{ ...tensor, data: new Uint8Array(16) }] });
    assert.equal((await readGguf(path)).tensors.size, 1);
    assert.deepEqual(entries(), ['kept.gguf']);
  });

  it('says which file cannot be written', async () => {
    const path = join(folder, 'kept.gguf', 'x.gguf');
    await expectUserError(() => writeGguf(path, { metadata, tensors: [] }), /cannot write .*x\.gguf: /);
  });
});
