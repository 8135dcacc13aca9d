import assert from 'node:assert/strict';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { F16, F32 } from '../../src/engine/gguf/ggml-types.js';
import { inspectModel } from '../../src/engine/gguf/model.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import type { GgufValue } from '../../src/engine/gguf/types.js';
import { bool, float32, string, strings, uint32 } from '../../src/engine/gguf/values.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/write.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

const zeros = (name: string, shape: number[], type = F32): TensorSource => ({
  name,
  shape,
  type,
  data: new Uint8Array(shape.reduce((a, b) => a * b, 1) * (type === F16 ? 2 : 4)),
});

const down = (layer: number, ffn = 8, hidden = 4) => zeros(`blk.${layer}.ffn_down.weight`, [ffn, hidden]);

/** A model of two layers with nothing but what inspectModel looks at, changed as the test wants it. */
async function inspect(changes: Record<string, GgufValue | undefined>, tensors = [down(0), down(1)]) {
  const path = join(folder, 'some-model.gguf');
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', string('zebra')],
    ['zebra.block_count', uint32(2)],
    ['zebra.context_length', uint32(100)],
    ['tokenizer.ggml.tokens', strings(['<unk>', '<s>', '</s>', 'a', 'b'])],
  ]);
  for (const [key, value] of Object.entries(changes)) {
    if (value) metadata.set(key, value);
    else metadata.delete(key);
  }
  await writeGguf(path, { metadata, tensors });
  return inspectModel(await readGguf(path));
}

describe('what the header tells about a model', () => {
  const gated: Record<TinyArchitecture, boolean> = {
    llama: true,
    qwen2: true,
    gemma3: true,
    gpt2: false,
    phi2: false,
  };
  for (const architecture of Object.keys(gated) as TinyArchitecture[]) {
    it(architecture, async () => {
      const { path, config, weights } = await writeTinyModel(join(folder, `${architecture}.gguf`), {
        architecture,
        layers: 2,
        hidden: 32,
        chatTemplate: '{{ bos_token }}',
      });
      const gguf = await readGguf(path);
      const parameters = [...weights.values()].reduce((sum, w) => sum + w.length, 0);
      assert.deepEqual(inspectModel(gguf), {
        architecture,
        name: `tiny ${architecture}`,
        layers: 2,
        hidden: 32,
        ffn: 96,
        vocab: config.vocab,
        contextLength: 512,
        gated: gated[architecture],
        chatTemplate: '{{ bos_token }}',
        bosToken: '<|bos|>',
        eosToken: '<|eos|>',
        addBos: architecture === 'llama' || architecture === 'gemma3',
        quantisation: 'F32',
        parameters,
        weightBytes: parameters * 4,
      });
    });
  }

  it('a gate fused with up has twice the rows', async () => {
    const up = (rows: number) => zeros('blk.0.ffn_up.weight', [4, rows]);
    assert.equal((await inspect({}, [down(0), down(1), up(16)])).gated, true);
    assert.equal((await inspect({}, [down(0), down(1), up(8)])).gated, false);
  });

  it('a name from the file where the metadata have none', async () => {
    assert.equal((await inspect({})).name, 'some-model');
    assert.equal((await inspect({ 'general.name': string('Zoë') })).name, 'Zoë');
  });

  it('the quantisation, also where llama.cpp guessed it or nothing is said', async () => {
    const quantisation = async (type: number) =>
      (await inspect({ 'general.file_type': uint32(type) })).quantisation;
    assert.equal(await quantisation(15), 'Q4_K_M');
    assert.equal(await quantisation(1024 + 3), 'Q4_1');
    const large = zeros('output.weight', [4, 100], F16);
    assert.equal((await inspect({}, [down(0), down(1), large])).quantisation, 'F16');
    assert.equal(await quantisation(999), 'F32');
  });

  it('special tokens by number, or the defaults of the tokenizer', async () => {
    const plain = await inspect({});
    assert.deepEqual([plain.bosToken, plain.eosToken, plain.addBos], [undefined, undefined, false]);
    const spm = await inspect({ 'tokenizer.ggml.model': string('llama') });
    assert.deepEqual([spm.bosToken, spm.eosToken, spm.addBos], ['<s>', '</s>', true]);
    const named = await inspect({
      'tokenizer.ggml.model': string('llama'),
      'tokenizer.ggml.bos_token_id': uint32(3),
      'tokenizer.ggml.eos_token_id': uint32(4_000_000_000),
      'tokenizer.ggml.add_bos_token': bool(false),
    });
    assert.deepEqual([named.bosToken, named.eosToken, named.addBos], ['a', undefined, false]);
  });

  it('an FFN length for each layer, all the same; layers for multi-token prediction do not count', async () => {
    const lengths: GgufValue = { type: 'array', items: 'uint32', value: Uint32Array.of(8, 8) };
    assert.equal((await inspect({ 'zebra.feed_forward_length': lengths })).ffn, 8);
    const extra = { 'zebra.block_count': uint32(3), 'zebra.nextn_predict_layers': uint32(1) };
    assert.equal((await inspect(extra, [down(0), down(1), down(2)])).layers, 2);
  });

  it('the size of the vocabulary without a tokenizer', async () => {
    const none = { 'tokenizer.ggml.tokens': undefined };
    assert.equal((await inspect({ ...none, 'zebra.vocab_size': uint32(77) })).vocab, 77);
    const embedding = zeros('token_embd.weight', [4, 55]);
    assert.equal((await inspect(none, [down(0), down(1), embedding])).vocab, 55);
    await expectUserError(() => inspect(none), /no vocabulary/);
  });
});

describe('models that cannot be read are refused by name', () => {
  const refused = (
    changes: Record<string, GgufValue | undefined>,
    tensors: TensorSource[] | undefined,
    ...patterns: RegExp[]
  ) => expectUserError(() => inspect(changes, tensors), /some-model\.gguf/, ...patterns);

  it('a mixture of experts, in each way that files have it', async () => {
    const pattern = /zebra here is a mixture-of-experts model.*comes later/;
    await refused({}, [zeros('blk.0.ffn_down_exps.weight', [8, 4, 2])], pattern);
    await refused({}, [down(0), zeros('blk.1.ffn_down_exps.weight', [8, 4, 2])], pattern);
    await refused({}, [zeros('blk.0.ffn_down.1.weight', [8, 4])], pattern);
    await refused({ 'zebra.expert_count': uint32(8) }, undefined, pattern);
  });

  it('no down projection at all: state-space models, projectors', async () => {
    await refused({}, [zeros('blk.0.ssm_in.weight', [8, 4])], /zebra without blk\.0\.ffn_down\.weight/);
    const projector = { 'general.architecture': string('clip'), 'general.type': string('mmproj') };
    await refused(projector, [zeros('v.blk.0.ffn_down.weight', [8, 4])], /a projector for images or sound/);
    await refused({}, [], /no FFN neurons/);
  });

  it('a down projection in some layers only', () =>
    refused({}, [down(0)], /zebra without blk\.1\.ffn_down\.weight/));

  it('layers of different width', () =>
    refused({}, [down(0, 8), down(1, 16)], /zebra.*different sizes \(8 in layer 0, 16 in layer 1\)/));

  it('other kinds of GGUF files, in one line each', async () => {
    for (const [changes, pattern] of [
      [{ 'general.type': string('mmproj') }, /projector/],
      [{ 'general.type': string('imatrix'), 'general.architecture': undefined }, /importance matrix/],
      [{ 'general.type': string('controlvector') }, /control vector/],
      [{ 'adapter.type': string('lora') }, /LoRA adapter/],
      [{ 'zebra.pooling_type': uint32(3) }, /embedding/],
      [{ 'zebra.attention.causal': bool(false) }, /no causal language model/],
      [{ 'general.architecture': string('t5') }, /encoder-decoder/],
      [{ 'general.architecture': string('dream') }, /diffusion/],
      [{ 'general.architecture': string('clip') }, /projector/],
    ] as const)
      await expectUserError(() => inspect(changes), pattern);
    await inspect({ 'zebra.pooling_type': uint32(0) });
    await expectUserError(
      () => inspect({}, [down(0), down(1), zeros('blk.0.attn_q.weight.lora_a', [4, 2])]),
      /LoRA adapter/,
    );
  });

  it('a base model with a chat template is told by its name', async () => {
    const sign = async (name: string, more: Record<string, GgufValue> = {}) => {
      const template = { 'tokenizer.chat_template': string('{{ messages }}') };
      return (await inspect({ 'general.name': string(name), ...template, ...more })).baseSign;
    };
    for (const name of ['Llama-3 8B Base', 'gemma-3-1b-pt', 'Qwen2.5 1.5B', 'Qwen3-4B-Base', 'some_base'])
      assert.ok(await sign(name), name);
    for (const name of [
      'Qwen2.5 1.5B Instruct',
      'Qwen3 4B',
      'gemma-3-1b-it',
      'SmolLM2 135M',
      'Qwen2.5-Math-7B',
    ])
      assert.equal(await sign(name), undefined, name);
    assert.equal(await sign('Qwen2.5 1.5B', { 'general.finetune': string('Instruct') }), undefined);
    assert.equal(await sign('Qwen2.5 1.5B', { 'general.tags': strings(['chat']) }), undefined);
    assert.equal((await inspect({ 'general.name': string('X Base') })).baseSign, undefined, 'no template');
  });

  it('a LoRA adapter', () =>
    refused(
      { 'general.type': string('adapter') },
      [zeros('blk.0.ffn_down.weight.lora_a', [8, 1])],
      /LoRA adapter for zebra.*name the model/,
    ));

  it('an embedding model', () =>
    refused({ 'zebra.attention.causal': bool(false) }, undefined, /zebra is no causal language model/));

  it('no architecture, context length or layer count that make sense', async () => {
    await refused({ 'general.architecture': undefined }, undefined, /names no architecture/);
    await refused({ 'zebra.context_length': undefined }, undefined, /zebra.*context_length/);
    for (const count of [uint32(0), float32(1.5), float32(Number.NaN)]) {
      await refused({ 'zebra.block_count': count }, undefined, /zebra.*make no sense/);
    }
    await refused({ 'zebra.block_count': uint32(2 ** 32 - 1) }, undefined, /without blk\.2\.ffn_down/);
    await refused({}, [zeros('blk.0.ffn_down.weight', [8])], /make no sense/);
  });
});

describe('a model split over several files', () => {
  const name = (part: number, of = 3) => join(folder, `split-0000${part}-of-0000${of}.gguf`);
  const write = (part: number, tensors: TensorSource[], total = 2) =>
    writeGguf(name(part), {
      metadata: new Map<string, GgufValue>([
        ...(part === 1
          ? ([
              ['general.architecture', string('zebra')],
              ['zebra.block_count', uint32(2)],
              ['zebra.context_length', uint32(9)],
              ['zebra.vocab_size', uint32(9)],
            ] as [string, GgufValue][])
          : []),
        ['split.no', { type: 'uint16', value: part - 1 }],
        ['split.count', { type: 'uint16', value: 3 }],
        ['split.tensors.count', { type: 'int32', value: total }],
      ]),
      tensors,
    });
  const writeAll = async () => {
    await write(1, []);
    await write(2, [down(0)]);
    await write(3, [down(1)]);
  };

  it('is read as one from its first part', async () => {
    await writeAll();
    const gguf = await readGguf(name(1));
    assert.deepEqual(gguf.files, [name(1), name(2), name(3)]);
    assert.equal(gguf.tensors.get('blk.1.ffn_down.weight')!.file, name(3));
    assert.equal(inspectModel(gguf).parameters, 64);
  });

  it('is refused from another part, naming the first', async () => {
    await writeAll();
    await expectUserError(
      () => readGguf(name(2)),
      /part 2 of 3.*name the first part, split-00001-of-00003\.gguf/,
    );
  });

  it('is refused with a part missing or damaged, naming that part', async () => {
    await writeAll();
    rmSync(name(3));
    await expectUserError(() => readGguf(name(1)), /3 files, but split-00003-of-00003\.gguf is missing/);
  });

  it('is refused with parts of another model', async () => {
    await writeAll();
    await write(3, [down(0)]);
    await expectUserError(
      () => readGguf(name(1)),
      /split-00003.*blk\.0\.ffn_down\.weight is also in another part/,
    );
    await write(3, [down(1), zeros('more', [1])]);
    await expectUserError(() => readGguf(name(1)), /has 2 tensors, but its 3 parts hold 3/);
  });

  it('is refused under other names, which llama.cpp could not find either', async () => {
    await writeAll();
    renameSync(name(1), join(folder, 'renamed.gguf'));
    await expectUserError(
      () => readGguf(join(folder, 'renamed.gguf')),
      /part 1 of a model in 3 files.*must end in -00001-of-00003\.gguf/,
    );
  });
});
