import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ggmlType } from '../../src/engine/gguf/ggml-types.js';
import { scalerOf } from '../../src/export/scale.js';
import { halfToFloat } from '../../src/formats/float16.js';
import { decoderOf } from '../../src/weights/decode.js';
import type { Encoding } from '../../src/weights/types.js';
import { expectUserError } from '../support/expect-user-error.js';
import { plainBytes } from '../support/ffn-files.js';
import { seededRandom } from '../support/random.js';
import { typeId } from '../support/rewrite-gguf.js';

/** Where ggml-common.h has the half floats of each block, written down anew. */
const HALVES: Record<string, number[]> = {
  Q1_0: [0],
  Q2_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
};

const ALPHAS = [0, 0.5, 2, 3, -1, -1.7];
const random = seededRandom(5);

function randomBlocks(type: string, blocks: number): Buffer {
  const { blockBytes } = ggmlType(typeId(type))!;
  const bytes = Buffer.from(Uint8Array.from({ length: blocks * blockBytes }, () => 256 * random()));
  for (let block = 0; block < blocks; block++) {
    for (const half of HALVES[type]) {
      // Between 2^-8 and 2^-2: far from both ends of the half floats.
      bytes.writeUInt16LE(Math.floor(0x1c00 + random() * 0x1800), block * blockBytes + half);
    }
  }
  return bytes;
}

const decode = (bytes: Buffer, encoding: Encoding, count: number) => {
  const values = new Float32Array(count);
  decoderOf(encoding, 'test')(Buffer.from(new Uint8Array(bytes)), values, count);
  return values;
};

for (const type of Object.keys(HALVES)) {
  test(`a row of ${type} times alpha, as llama.cpp reads it, and nothing else touched`, () => {
    const encoding = { ggml: typeId(type) };
    const { blockSize, blockBytes } = ggmlType(typeId(type))!;
    const before = randomBlocks(type, 4);
    const values = decode(before, encoding, 4 * blockSize);
    const largest = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    for (const alpha of ALPHAS) {
      const after = Buffer.from(before);
      const rounding = scalerOf(encoding, alpha, 'row')(after);
      decode(after, encoding, 4 * blockSize).forEach((value, i) => {
        assert.ok(
          Math.abs(value - alpha * values[i]) <= largest * 0.005,
          `${alpha}: ${values[i]} to ${value}`,
        );
      });
      assert.ok(rounding <= 2 ** -11, `rounding ${rounding}`);
      if ([0, 0.5, 2, -1].includes(alpha)) assert.equal(rounding, 0);
      const halves = new Set(HALVES[type].flatMap((at) => [at, at + 1]));
      after.forEach((byte, at) => {
        if (!halves.has(at % blockBytes)) assert.equal(byte, before[at], `byte ${at}`);
      });
    }
  });
}

test('plain floats times alpha, rounded to the nearest', () => {
  const values = Float32Array.from({ length: 64 }, () => random() - 0.5);
  for (const type of ['F32', 'F16', 'BF16'] as const) {
    const bytes = Buffer.from(plainBytes(values, type));
    const stored = decode(bytes, type, 64);
    for (const alpha of ALPHAS) {
      const after = Buffer.from(bytes);
      scalerOf(type, alpha, 'row')(after);
      // Encoded by the test's own rounding.
      const want = plainBytes(
        stored.map((value) => alpha * value),
        type,
      );
      assert.deepEqual(new Uint8Array(after), new Uint8Array(want), `${type} ${alpha}`);
    }
  }
});

test('what half precision cannot hold is refused, what it holds coarsely is counted', async () => {
  const block = randomBlocks('Q8_0', 1);
  await expectUserError(
    () => scalerOf({ ggml: typeId('Q8_0') }, 1e9, 'blk.3.ffn_up.weight')(block),
    /alpha 1000000000 is too large for blk\.3\.ffn_up\.weight: .* beyond the range of half precision/,
  );
  for (const type of ['F32', 'F16', 'BF16'] as const) {
    const bytes = Buffer.from(plainBytes(Float32Array.of(1e-3, 300), type));
    await expectUserError(() => scalerOf(type, 1e37, 'up')(bytes), /alpha 1e\+37 is too large for up/);
  }
  // 5 of the steps of 2^-24 times .3 is 1.5 of them: rounded to 2.
  const small = Buffer.alloc(34);
  small.writeUInt16LE(5, 0);
  const rounding = scalerOf({ ggml: typeId('Q8_0') }, 0.3, 'up')(small);
  assert.equal(halfToFloat(small.readUInt16LE(0)), 2 * 2 ** -24);
  assert.ok(Math.abs(rounding - 1 / 3) < 1e-6, `${rounding}`);
  assert.ok(Math.abs(scalerOf({ ggml: typeId('Q8_0') }, 0.1, 'up')(small) - 1) < 1e-6, 'lost altogether');
});

test('scales that take no other factor than a power of two are refused', async () => {
  for (const type of ['MXFP4', 'NVFP4', 'IQ1_M']) {
    await expectUserError(
      () => scalerOf({ ggml: typeId(type) }, 2, 'blk.0.ffn_up.weight'),
      new RegExp(`ffn_up\\.weight is stored as ${type}, whose block scales .*--as gguf-lora`),
    );
  }
});
