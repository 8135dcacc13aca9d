import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Drift, measureDrift } from '../../src/drift/measure.js';
import { openWeights } from '../../src/weights/open.js';
import { BLOCK_TYPES, type BlockType, writeBlockGguf } from '../support/block-files.js';
import { expectUserError } from '../support/expect-user-error.js';
import {
  FFN,
  type GgufType,
  PARTS,
  type PlainType,
  weights,
  writeCheckpoint,
  writeFfnGguf,
  writeTensors,
} from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

interface Golden {
  formats: Record<GgufType, Record<'up' | 'gate' | 'down', number[]>>;
  /** Every fourth neuron. */
  blocks: Record<BlockType, Record<'up' | 'down', number[]>>;
}

const golden = JSON.parse(readFileSync('test/drift/golden.json', 'utf8')) as Golden;
const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

const measure = async (a: string, b: string) => measureDrift(await openWeights(a), await openWeights(b));

function agree(
  drift: Drift,
  wanted: Golden['formats']['F32'],
  parts: readonly ('up' | 'gate' | 'down')[] = PARTS,
) {
  for (const part of parts) {
    const worst = Math.max(...wanted[part].map((value, j) => Math.abs(value - drift[part]![j])));
    assert.ok(worst < 1e-6, `${part}: off by ${worst}`);
  }
}

const GGUF_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
] as const satisfies GgufType[];

describe('drift agrees with numpy', () => {
  for (const dtype of ['F32', 'F16', 'BF16'] satisfies PlainType[]) {
    test(`safetensors, ${dtype}, one file and shards`, async () => {
      const base = writeCheckpoint(at(`base-${dtype}`), { moved: false, dtype });
      const moved = writeCheckpoint(at(`moved-${dtype}`), { moved: true, dtype, sharded: true });
      agree(await measure(base, moved), golden.formats[dtype]);
    });
  }
  for (const type of GGUF_TYPES) {
    test(`GGUF, ${type}`, async () => {
      const base = await writeFfnGguf(at(`base-${type}.gguf`), { moved: false, type });
      const moved = await writeFfnGguf(at(`moved-${type}.gguf`), { moved: true, type });
      agree(await measure(base, moved), golden.formats[type]);
    });
  }
  for (const type of BLOCK_TYPES) {
    test(`GGUF, ${type}`, async () => {
      const base = await writeBlockGguf(at(`base-${type}.gguf`), { type, moved: false });
      const moved = await writeBlockGguf(at(`moved-${type}.gguf`), { type, moved: true });
      const drift = await measure(base, moved);
      for (const part of ['up', 'down'] as const) {
        const worst = golden.blocks[type][part].map((value, i) => Math.abs(value - drift[part][4 * i]));
        assert.equal(worst.length, 64);
        assert.ok(Math.max(...worst) < 1e-6, `${part}: off by ${Math.max(...worst)}`);
      }
      assert.ok(drift.gate!.every((value) => value === 0));
    });
  }
  test('fused gate and up (Phi-3), in both formats, are split the right way round', async () => {
    const base = writeCheckpoint(at('phi'), { moved: false, layout: 'phi3' });
    const moved = await writeFfnGguf(at('phi.gguf'), { moved: true, type: 'F32', fused: true });
    agree(await measure(base, moved), golden.formats.F32);
  });
  test('a model without gates that stores its matrices the other way round (GPT-2)', async () => {
    const base = writeCheckpoint(at('gpt2'), { moved: false, layout: 'gpt2' });
    const moved = writeCheckpoint(at('gpt2-moved'), { moved: true, layout: 'gpt2' });
    const drift = await measure(base, moved);
    assert.equal(drift.gate, undefined);
    agree(drift, golden.formats.F32, ['up', 'down']);
  });
  test('neurons that are rows in one file and columns in the other', async () => {
    const base = await openWeights(writeCheckpoint(at('turned-a'), { moved: false, layout: 'gpt2' }));
    const other = await openWeights(writeCheckpoint(at('turned-b'), { moved: true, layout: 'llama' }));
    agree(await measureDrift(base, other), golden.formats.F32, ['up', 'down']);
  });
});

test('the norms are those of the first model', async () => {
  const path = writeCheckpoint(at('norms'), { moved: false });
  const drift = await measure(path, writeCheckpoint(at('norms-b'), { moved: true }));
  const up = weights(1, 'up', false).subarray(5 * 64, 6 * 64);
  assert.ok(Math.abs(drift.norms.up[FFN + 5] - Math.hypot(...up)) < 1e-6);
  const down = weights(1, 'down', false).filter((_, i) => i % FFN === 5);
  assert.ok(Math.abs(drift.norms.down[FFN + 5] - Math.hypot(...down)) < 1e-6);
  assert.ok((await measure(path, path)).up.every((value) => value === 0));
});

describe('bad checkpoints are refused in one line', () => {
  test('a missing shard, a truncated shard, a shard without its tensor', async () => {
    const path = writeCheckpoint(at('shards'), { moved: false, sharded: true });
    const shard = join(path, 'model-00002-of-00003.safetensors');
    const whole = readFileSync(shard);
    rmSync(shard);
    await expectUserError(() => openWeights(path), /1 of 3 shards are missing \(model-00002/);
    writeFileSync(shard, whole);
    truncateSync(shard, whole.length - 10);
    await expectUserError(() => openWeights(path), /model-00002.*ends at byte/);
    writeTensors(shard, []);
    await expectUserError(() => openWeights(path), /index says that .*layers\.1.* is in model-00002/);
  });
  test('a missing tensor, another type, another shape', async () => {
    const path = at('odd.safetensors');
    const tensor = (name: string, shape: number[], dtype = 'F32', bytes = 4) => ({
      name: `model.layers.${name}.weight`,
      dtype,
      shape,
      data: new Uint8Array(shape.reduce((a, b) => a * b, bytes)),
    });
    const layer = (i: number) => [
      tensor(`${i}.mlp.gate_proj`, [6, 4]),
      tensor(`${i}.mlp.up_proj`, [6, 4]),
      tensor(`${i}.mlp.down_proj`, [4, 6]),
    ];
    writeTensors(path, [...layer(0), ...layer(1).slice(1)]);
    await expectUserError(() => openWeights(path), /lacks model\.layers\.1\.mlp\.gate_proj\.weight/);
    writeTensors(path, [...layer(0).slice(0, 2), tensor('0.mlp.down_proj', [4, 6], 'I8', 1)]);
    await expectUserError(() => openWeights(path), /stored as I8; only F32, F16 and BF16/);
    writeTensors(path, [layer(0)[0], tensor('0.mlp.up_proj', [6, 5]), layer(0)[2]]);
    await expectUserError(() => openWeights(path), /up_proj\.weight is \[6,5\], expected \[6,4\]/);
    writeTensors(path, [tensor('0.block_sparse_moe.experts.0.w1', [6, 4])]);
    await expectUserError(() => openWeights(path), /mixture-of-experts/);
    writeTensors(path, [tensor('0.attention.q', [4, 4])]);
    await expectUserError(() => openWeights(path), /no FFN tensors under a name that is known/);
  });
  test('weights that are no numbers name the neuron', async () => {
    const path = writeCheckpoint(at('nan'), { moved: false });
    const file = join(path, 'model.safetensors');
    const bytes = readFileSync(file);
    const { offset } = (await openWeights(path)).matrix(2, 'up')!;
    bytes.writeFloatLE(Number.NaN, offset + 4 * (7 * 64 + 3));
    writeFileSync(file, bytes);
    await expectUserError(
      () => measure(path, path),
      /layers\.2\.mlp\.up_proj\.weight holds weights of neuron 7/,
    );
  });
  test('a matrix of zeros; a neuron of zeros alone is none', async () => {
    const [base, other] = [at('whole'), at('zeros')].map((path) => writeCheckpoint(path, { moved: false }));
    const { offset, rowBytes, rows } = (await openWeights(other)).matrix(1, 'up')!;
    const file = join(other, 'model.safetensors');
    const bytes = readFileSync(file);
    bytes.fill(0, offset + 5 * rowBytes, offset + 6 * rowBytes);
    writeFileSync(file, bytes);
    const { up } = await measure(base, other);
    assert.equal(up[FFN + 5], 1, 'it has no direction left to share');
    assert.equal(up.filter((value) => value > 0).length, 1);
    assert.equal((await measure(other, other)).up[FFN + 5], 0);
    bytes.fill(0, offset, offset + rows * rowBytes);
    writeFileSync(file, bytes);
    await expectUserError(() => measure(base, other), /layers\.1\.mlp\.up_proj\.weight is all zeros/);
  });
  test('a file that is neither', async () => {
    writeFileSync(at('text.bin'), 'no weights here, only words that go on for a while');
    await expectUserError(() => openWeights(at('text.bin')), /not a safetensors file/);
    await expectUserError(() => openWeights(at('nowhere')), /there is no file or folder/);
    await expectUserError(() => openWeights(folder), /holds neither model\.safetensors nor/);
  });
});
