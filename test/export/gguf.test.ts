import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { readGguf } from '../../src/engine/gguf/read.js';
import type { GgufValue } from '../../src/engine/gguf/types.js';
import { stringAt } from '../../src/engine/gguf/values.js';
import { writeGgufAdapter } from '../../src/export/adapter-gguf.js';
import { bakeGguf } from '../../src/export/bake-gguf.js';
import { writePeftAdapter } from '../../src/export/peft.js';
import { ExportRecordSchema, RECORD_KEY } from '../../src/export/record.js';
import { openGgufWeights } from '../../src/weights/gguf.js';
import { detectorOf } from '../support/detector.js';
import { someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { FFN, HIDDEN, LAYERS, writeFfnGguf } from '../support/ffn-files.js';
import { largestDifference, openIntervened } from '../support/intervened.js';
import { rewriteGguf } from '../support/rewrite-gguf.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const ALPHAS = [0, 0.5, 2, 3];

/** Run-time alpha, the adapter loaded, the adapter with alpha folded in, and the baked file: all say the same. */
async function compareAll(model: string, tolerance: number, alphas = ALPHAS): Promise<void> {
  const { architecture, layers, ffn } = await openGgufWeights(model);
  const detector = detectorOf(
    { architecture, layers, ffn },
    [
      [0, 0],
      [0, 3],
      [0, ffn - 1],
      [1, 7],
      [layers - 1, 5],
    ],
    [[0, 4]],
  );
  const neurons = [0, 3, ffn - 1, ffn + 7, (layers - 1) * ffn + 5];
  const tokens = someTokens(12, 256, 8);
  const opened = await openIntervened(model);
  const plain = await opened.logits(tokens);
  const adapter = at('adapter.gguf');
  await writeGgufAdapter({ model, detector, out: adapter });
  for (const alpha of alphas) {
    const want = await opened.logits(tokens, { neurons, alpha });
    assert.ok(largestDifference(want, plain) > 0.2, `alpha ${alpha} does nothing`);
    assert.deepEqual(opened.withAdapter(tokens, adapter, alpha - 1), want, `adapter, alpha ${alpha}`);
    const folded = at('folded.gguf');
    await writeGgufAdapter({ model, detector, alpha, out: folded });
    const byFolded = largestDifference(opened.withAdapter(tokens, folded, 1), want);
    assert.ok(byFolded < 1e-4, `folded adapter, alpha ${alpha}: ${byFolded}`);
    const baked = at('baked.gguf');
    await bakeGguf({ model, detector, alpha, out: baked });
    const got = await (await openIntervened(baked)).logits(tokens);
    assert.ok(
      largestDifference(got, want) < tolerance,
      `baked, alpha ${alpha}: ${largestDifference(got, want)}`,
    );
  }
}

/** With rows that are long enough for the formats of 256 numbers a block. */
async function wide(): Promise<string> {
  const options = { architecture: 'llama', layers: 2, hidden: 256, ffn: 256 } as const;
  return (await writeTinyModel(at('wide.gguf'), options)).path;
}

describe('run-time alpha, adapter and baked file agree', () => {
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as TinyArchitecture[]) {
    it(`${architecture}, float32`, async () => {
      const { path } = await writeTinyModel(at(`${architecture}.gguf`), { architecture });
      // gpt2, phi2 and gemma3 round GELU to float16, which may fall to either side.
      await compareAll(path, 0.02, [...ALPHAS, -1]);
    });
  }

  for (const type of [
    ...['F16', 'BF16', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q8_0', 'IQ4_NL'],
    ...['Q2_K', 'Q3_K', 'Q4_K', 'Q5_K', 'Q6_K', 'IQ4_XS', 'TQ1_0', 'TQ2_0'],
  ]) {
    it(`llama, W_up and W_gate in ${type}`, async () => {
      const matrices = /ffn_(up|gate)\.weight$/;
      await compareAll(await rewriteGguf(await wide(), at('typed.gguf'), { type, matrices }), 0.03);
    });
  }

  // With W_down quantised too, z is rounded to 8 bits in blocks: with z_j scaled in the block, the others round otherwise.
  for (const type of ['Q4_1', 'Q8_0', 'Q4_K', 'Q6_K']) {
    it(`llama, the whole FFN in ${type}`, async () => {
      await compareAll(await rewriteGguf(await wide(), at('typed.gguf'), { type }), 0.3);
    });
  }

  it('llama with a bias of W_up', async () => {
    const { path, config } = await writeTinyModel(at('unbiased.gguf'), { architecture: 'llama' });
    const { layers, ffn } = config;
    const add = Array.from({ length: layers }, (_, layer) => ({
      name: `blk.${layer}.ffn_up.bias`,
      shape: [ffn],
      type: 0,
      data: new Uint8Array(Float32Array.from({ length: ffn }, (_, j) => 1 + (j % 5)).buffer),
    }));
    await compareAll(await rewriteGguf(path, at('biased.gguf'), { add }), 0.001);
  });

  it('gpt2 in F16: columns of W_down', async () => {
    const { path } = await writeTinyModel(at('gpt2-plain.gguf'), { architecture: 'gpt2' });
    await compareAll(await rewriteGguf(path, at('gpt2-f16.gguf'), { type: 'F16' }), 0.02);
  });
});

test('of the weights only the rows of the H-Neurons differ, and the metadata say what was done', async () => {
  const model = await rewriteGguf(
    (await writeTinyModel(at('bytes-f32.gguf'), { architecture: 'llama' })).path,
    at('bytes.gguf'),
    { type: 'Q5_1' },
  );
  const before = await readGguf(model);
  const detector = detectorOf(
    { architecture: 'llama', layers: 3, ffn: 96 },
    [
      [0, 2],
      [2, 95],
    ],
    [[1, 1]],
  );
  const out = at('bytes-baked.gguf');
  const original = readFileSync(model);
  const baked = await bakeGguf({ model, detector, alpha: 3, out });
  assert.deepEqual(readFileSync(model), original, 'the original is as it was');
  const after = await readGguf(out);
  const copy = readFileSync(out);
  assert.deepEqual([...after.tensors.keys()], [...before.tensors.keys()]);
  let touched = 0;
  for (const [name, tensor] of before.tensors) {
    const moved = after.tensors.get(name)!;
    const rows = tensor.shape[1] ?? 1;
    const rowBytes = tensor.bytes / rows;
    for (let row = 0; row < rows; row++) {
      const [a, b] = [original.subarray(tensor.offset), copy.subarray(moved.offset)].map((bytes) =>
        bytes.subarray(row * rowBytes, (row + 1) * rowBytes),
      );
      if (a.equals(b)) continue;
      touched++;
      assert.ok(
        ['blk.0.ffn_up.weight 2', 'blk.2.ffn_up.weight 95'].includes(`${name} ${row}`),
        `${name} ${row}`,
      );
    }
  }
  assert.equal(touched, 2);
  assert.equal(baked.bytes, 2 * (64 / 32) * 24);
  const [{ dataOffset }, old] = [after, before.dataOffset];
  assert.equal((dataOffset - old) % 4096, 0, 'the data move by whole blocks');
  for (const [key, value] of before.metadata) {
    const kept = after.metadata.get(key)!;
    assert.equal(kept.type, value.type, key);
    if (kept.type !== 'array') assert.deepEqual(kept, value);
  }
  const record = ExportRecordSchema.parse(JSON.parse(stringAt(after.metadata, RECORD_KEY)!));
  assert.deepEqual(record.neurons, [
    [0, 2],
    [2, 95],
  ]);
  assert.equal(record.alpha, 3);
  assert.equal(record.model.sha256, detector.model.sha256);
  await expectUserError(
    () => bakeGguf({ model: out, detector, alpha: 2, out: at('twice.gguf') }),
    /has an alpha baked in already; take the original/,
  );
});

test('a model in two files gives two files, which llama.cpp loads as one', async () => {
  const { path } = await writeTinyModel(at('one.gguf'), { architecture: 'llama' });
  const all = (await readGguf(path)).tensors.size;
  const part = (i: number) => at(`half-0000${i}-of-00002.gguf`);
  for (const i of [1, 2]) {
    await rewriteGguf(path, part(i), {
      keep: (_, index) => index < all / 2 === (i === 1),
      metadata: [
        ['split.no', { type: 'uint16', value: i - 1 }],
        ['split.count', { type: 'uint16', value: 2 }],
        ['split.tensors.count', { type: 'int32', value: all }],
      ],
    });
  }
  const detector = detectorOf({ architecture: 'llama', layers: 3, ffn: 96 }, [
    [0, 2],
    [2, 9],
  ]);
  const { files } = await bakeGguf({ model: part(1), detector, alpha: 3, out: at('both.gguf') });
  assert.deepEqual(
    files,
    [1, 2].map((i) => at(`both-0000${i}-of-00002.gguf`)),
  );
  const tokens = someTokens(9, 256, 3);
  const want = await (await openIntervened(path)).logits(tokens, { neurons: [2, 2 * 96 + 9], alpha: 3 });
  const got = await (await openIntervened(files[0])).logits(tokens);
  assert.ok(largestDifference(got, want) < 1e-4);
});

test('a fused W_up: the half with the gate stays', async () => {
  const model = await writeFfnGguf(at('fused.gguf'), { moved: false, type: 'F32', fused: true });
  const detector = detectorOf({ architecture: 'phi3', layers: LAYERS, ffn: FFN }, [[1, 4]]);
  const out = at('fused-baked.gguf');
  await bakeGguf({ model, detector, alpha: 2, out });
  const matrix = async (path: string) => {
    const { offset, bytes } = (await readGguf(path)).tensors.get('blk.1.ffn_up.weight')!;
    const file = new Uint8Array(readFileSync(path).subarray(offset, offset + bytes));
    return new Float32Array(file.buffer);
  };
  const want = await matrix(model);
  for (let i = 0; i < HIDDEN; i++) want[(FFN + 4) * HIDDEN + i] *= 2;
  assert.deepEqual(await matrix(out), want);
});

test('a norm before W_down, or bounds of W_up x: then only columns of W_down will do', async () => {
  const plain = await writeFfnGguf(at('ffn.gguf'), { moved: false, type: 'F32' });
  assert.equal((await openGgufWeights(plain)).linearUp, true);
  const norm = { name: 'blk.0.ffn_sub_norm.weight', shape: [FFN], type: 0, data: new Uint8Array(4 * FFN) };
  const clamp = { type: 'array', items: 'float32', value: new Float32Array(LAYERS) } as const;
  for (const more of [
    { add: [norm] },
    { metadata: [['llama.swiglu_clamp_shexp', clamp] as [string, GgufValue]] },
  ]) {
    const model = await rewriteGguf(plain, at('other.gguf'), more);
    const detector = detectorOf({ architecture: 'llama', layers: LAYERS, ffn: FFN }, [[1, 4]]);
    const { method, bytes } = await bakeGguf({ model, detector, alpha: 2, out: at('other-baked.gguf') });
    assert.deepEqual([method, bytes], ['columns of W_down multiplied by alpha', HIDDEN * 4]);
  }
});

test('without a gate, a quantised file is refused and says what to do', async () => {
  const { path } = await writeTinyModel(at('gpt2-q8.gguf'), { architecture: 'gpt2', weightType: 'q8_0' });
  const detector = detectorOf({ architecture: 'gpt2', layers: 3, ffn: 96 }, [[0, 2]]);
  await expectUserError(
    () => bakeGguf({ model: path, detector, alpha: 2, out: at('no.gguf') }),
    /in a gpt2 model .* columns of W_down, and blk\.0\.ffn_down\.weight is stored as Q8_0, .*gguf-lora/,
  );
  assert.equal(existsSync(at('no.gguf')), false);
});

test('an alpha beyond the format, or beyond all reason, leaves nothing behind', async () => {
  const model = (await writeTinyModel(at('f16.gguf'), { architecture: 'llama', weightType: 'f16' })).path;
  const up = (await openGgufWeights(model)).matrix(0, 'up')!;
  const file = openSync(model, 'r+');
  // 60,000 in half precision, in the row of the neuron.
  const huge = Buffer.from([0x53, 0x7b]);
  writeSync(file, huge, 0, huge.length, up.offset + 2 * up.rowBytes);
  closeSync(file);
  const detector = detectorOf({ architecture: 'llama', layers: 3, ffn: 96 }, [[0, 2]]);
  const before = readdirSync(folder).sort();
  const out = at('far.gguf');
  await expectUserError(
    () => bakeGguf({ model, detector, alpha: 2, out }),
    /alpha 2 is too large for blk\.0\.ffn_up\.weight/,
  );
  for (const alpha of [Number.NaN, Number.POSITIVE_INFINITY, 1001, -1e39]) {
    const message = /alpha must be a number from -1000 to 1000, not/;
    await expectUserError(() => bakeGguf({ model, detector, alpha, out }), message);
    await expectUserError(() => writeGgufAdapter({ model, detector, alpha, out }), message);
    await expectUserError(() => writePeftAdapter({ weights: model, detector, alpha, out }), message);
  }
  assert.deepEqual(readdirSync(folder).sort(), before);
});

test('a disk that takes no more leaves no half file, and the original as it was', async (t) => {
  const { path } = await writeTinyModel(at('original.gguf'), {
    architecture: 'llama',
    hidden: 128,
    ffn: 256,
  });
  const detector = detectorOf({ architecture: 'llama', layers: 3, ffn: 256 }, [[0, 2]]);
  const before = readFileSync(path);
  const names = readdirSync(folder).sort();
  const url = new URL('../../src/export/bake-gguf.js', import.meta.url).href;
  const code = `
    import { bakeGguf } from ${JSON.stringify(url)};
    const [model, out, detector] = process.argv.slice(1);
    try { await bakeGguf({ model, out, detector: JSON.parse(detector), alpha: 2 }); } catch (error) { console.log(error.name, error.message); }`;
  const run = spawnSync(
    'bash',
    [
      '-c',
      'ulimit -f 64; exec "$0" --input-type=module -e "$@"',
      process.execPath,
      code,
      path,
      at('full.gguf'),
      JSON.stringify(detector),
    ],
    { encoding: 'utf8' },
  );
  if (run.error) return t.skip('this system has no bash');
  assert.match(run.stdout, /^UserError cannot write .*full\.gguf: the file would be larger/, run.stderr);
  assert.deepEqual(readdirSync(folder).sort(), names);
  assert.deepEqual(readFileSync(path), before);
});
