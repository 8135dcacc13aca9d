import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readGguf } from '../../src/engine/gguf/read.js';
import { stringsAt } from '../../src/engine/gguf/values.js';
import { forward } from '../support/forward.js';
import { fromHalf, toHalf } from '../support/quantise.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const ARCHITECTURES: TinyArchitecture[] = ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'];

describe('float16', () => {
  it('is encoded as IEEE 754 has it', () => {
    const known: [number, number][] = [
      [0, 0x0000],
      [-0, 0x8000],
      [1, 0x3c00],
      [-2, 0xc000],
      [65504, 0x7bff],
      [65519, 0x7bff],
      [65520, 0x7c00],
      [2 ** -14, 0x0400],
      [2 ** -24, 0x0001],
      [2 ** -25, 0x0000],
      [1.5 * 2 ** -24, 0x0002],
      [1 / 3, 0x3555],
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [2 - 2 ** -12, 0x4000],
    ];
    for (const [value, bits] of known) assert.equal(toHalf(value), bits, `${value}`);
  });

  it('decodes to what encodes to it, for every finite value', () => {
    for (let bits = 0; bits < 0x7c00; bits++) assert.equal(toHalf(fromHalf(bits)), bits);
  });
});

describe('tiny models', () => {
  for (const weightType of ['f32', 'f16', 'q8_0'] as const) {
    it(`hold in the file the weights that they return: ${weightType}`, async () => {
      const { path, weights } = await writeTinyModel(join(folder, `${weightType}.gguf`), {
        architecture: 'llama',
        layers: 1,
        weightType,
      });
      const { tensors } = await readGguf(path);
      const content = readFileSync(path);
      assert.deepEqual([...tensors.keys()], [...weights.keys()]);
      for (const { name, type, offset, bytes } of tensors.values()) {
        const data = content.subarray(offset, offset + bytes);
        const values = weights.get(name)!;
        for (let i = 0; i < values.length; i += 7) {
          const block = 34 * Math.floor(i / 32);
          const value =
            type === 0
              ? data.readFloatLE(4 * i)
              : type === 1
                ? fromHalf(data.readUInt16LE(2 * i))
                : fromHalf(data.readUInt16LE(block)) * data.readInt8(block + 2 + (i % 32));
          assert.equal(values[i], value, `${name}[${i}]`);
        }
      }
    });
  }

  it('are the same for the same seed only', async () => {
    const read = async (seed: number) => {
      const path = join(folder, `seed-${seed}.gguf`);
      await writeTinyModel(path, { architecture: 'gpt2', layers: 1, seed });
      return readFileSync(path);
    };
    const first = await read(5);
    assert.ok(first.equals(await read(5)));
    assert.ok(!first.equals(await read(6)));
  });

  it('take a vocabulary of 262,144 tokens, all different', async () => {
    const path = join(folder, 'large.gguf');
    await writeTinyModel(path, {
      architecture: 'gemma3',
      layers: 1,
      hidden: 32,
      vocab: 262_144,
      weightType: 'q8_0',
    });
    const { metadata, tensors } = await readGguf(path);
    const tokens = stringsAt(metadata, 'tokenizer.ggml.tokens')!;
    const distinct = new Set(Array.from({ length: tokens.length }, (_, i) => tokens.at(i)));
    assert.equal(distinct.size, 262_144);
    assert.deepEqual(tensors.get('token_embd.weight')!.shape, [32, 262_144]);
  });
});

describe('the plain forward pass', () => {
  for (const architecture of ARCHITECTURES) {
    it(`${architecture}: is causal, lively, and steered as the equations say`, async () => {
      const model = await writeTinyModel(join(folder, `${architecture}.gguf`), { architecture });
      const { vocab, ffn, hidden } = model.config;
      const tokens = Array.from({ length: 20 }, (_, i) => (i * 37 + 11) % vocab);
      const plain = forward(model, tokens);

      const other = forward(model, [...tokens.slice(0, -1), 3]);
      const before = 19 * vocab;
      assert.deepEqual(other.logits.subarray(0, before), plain.logits.subarray(0, before));
      assert.notDeepEqual(other.logits.subarray(before), plain.logits.subarray(before));

      // Standard deviation of about 3, as the default sharpness says.
      const spread = Math.sqrt(plain.logits.reduce((sum, x) => sum + x * x, 0) / plain.logits.length);
      assert.ok(spread > 2 && spread < 4.5, `logits spread by ${spread}`);

      assert.deepEqual(forward(model, tokens, { steering: { neurons: [ffn + 5], alpha: 1 } }), plain);
      const steered = forward(model, tokens, { steering: { neurons: [ffn + 5], alpha: 3 } });
      assert.deepEqual(steered.h[0], plain.h[0]);
      assert.deepEqual(steered.z[1], plain.z[1]);
      assert.notDeepEqual(steered.z[2], plain.z[2]);
      const column = model.weights.get('blk.1.ffn_down.weight')!;
      for (let t = 0; t < tokens.length; t++) {
        for (let i = 0; i < hidden; i++) {
          const expected = plain.h[1][t * hidden + i] + 2 * column[i * ffn + 5] * plain.z[1][t * ffn + 5];
          assert.ok(Math.abs(steered.h[1][t * hidden + i] - expected) < 1e-12);
        }
      }
    });
  }
});
