import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { paperOrigin } from '../../src/report/origin/paper.js';
import { openWeights } from '../../src/weights/open.js';
import { checkPair } from '../../src/weights/pair.js';
import { expectUserError } from '../support/expect-user-error.js';
import { LAYERS, writeCheckpoint, writeFfnGguf, writeTensors } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

test('what differs between two models of one shape is said in words', async () => {
  const base = await openWeights(writeCheckpoint(at('base'), { moved: false }));
  const same = await openWeights(await writeFfnGguf(at('same.gguf'), { moved: true, type: 'F32' }));
  assert.deepEqual(await checkPair(base, same), []);
  const other = writeCheckpoint(at('other'), {
    moved: true,
    dtype: 'BF16',
    tokens: ['<s>', 'a', 'c', 'd'],
    architecture: 'qwen2' as never,
  });
  assert.deepEqual(await checkPair(base, await openWeights(other)), [
    'the architectures are llama and qwen2',
    '1 of the first 3 tokens are not the same',
    'the vocabularies have 3 and 4 tokens',
    'the weights are stored as F32 and BF16',
  ]);
});

test('a Mistral checkpoint and its GGUF, which says llama, are of one architecture', async () => {
  const checkpoint = writeCheckpoint(at('mistral'), { moved: false, architecture: 'mistral' as never });
  const gguf = await writeFfnGguf(at('mistral.gguf'), { moved: true, type: 'F32' });
  assert.deepEqual(await checkPair(await openWeights(checkpoint), await openWeights(gguf)), []);
});

test('a model with gates and one without are not of one family', async () => {
  const gated = await openWeights(writeCheckpoint(at('gated'), { moved: false }));
  const plain = await openWeights(writeCheckpoint(at('plain'), { moved: false, layout: 'gpt2' }));
  await expectUserError(() => checkPair(gated, plain), /not of one family; only one of them has gates/);
});

test('a checkpoint without its last layers is incomplete', async () => {
  const path = writeCheckpoint(at('layers'), { moved: false });
  const says = (config: object) => writeFileSync(join(path, 'config.json'), JSON.stringify(config));
  for (const layers of [{ num_hidden_layers: LAYERS + 1 }, { n_layer: LAYERS + 1 }]) {
    for (const config of [layers, { model_type: 'gemma3', text_config: layers }]) {
      says(config);
      await expectUserError(() => openWeights(path), /matrices of 3 layers, .* speaks of 4; .*incomplete/);
    }
  }
  for (const config of [{ num_hidden_layers: LAYERS }, { num_hidden_layers: LAYERS - 1 }, {}]) {
    says(config);
    assert.equal((await openWeights(path)).layers, LAYERS);
  }
});

test('a mixture of experts whose first layers are dense is one all the same', async () => {
  const tensor = (name: string, shape: number[]) => ({
    name,
    dtype: 'F32',
    shape,
    data: new Uint8Array(4 * shape[0] * shape[1]),
  });
  const path = at('experts.safetensors');
  writeTensors(path, [
    tensor('model.layers.0.mlp.gate_proj.weight', [8, 4]),
    tensor('model.layers.0.mlp.up_proj.weight', [8, 4]),
    tensor('model.layers.0.mlp.down_proj.weight', [4, 8]),
    tensor('model.layers.1.mlp.experts.0.up_proj.weight', [8, 4]),
  ]);
  await expectUserError(() => openWeights(path), /is a mixture-of-experts model/);
});

test('an index does not lead out of its folder', async () => {
  writeCheckpoint(at('elsewhere'), { moved: false });
  for (const [i, shard] of ['../elsewhere/model.safetensors', '..', '..\\x', '/etc/passwd', ''].entries()) {
    const here = at(`index-${i}`);
    mkdirSync(here);
    const index = { weight_map: { 'model.layers.0.mlp.down_proj.weight': shard } };
    writeFileSync(join(here, 'model.safetensors.index.json'), JSON.stringify(index));
    await expectUserError(() => openWeights(here), /names .* as a shard; shards are files beside the index/);
  }
});

test('published values stand beside a model of the paper, and beside no other', () => {
  const llama = { names: ['Meta-Llama-3.1-8B-Instruct-Q4_K_M'], layers: 32, ffn: 14336 };
  assert.deepEqual(paperOrigin(llama), {
    model: 'Llama-3.1-8B',
    meanRank: 0.584,
    auroc: { triviaqa: 0.7, 'nq-open': 0.65, bioasq: 0.62 },
  });
  assert.equal(paperOrigin({ ...llama, layers: 28 }), undefined);
  assert.equal(paperOrigin({ ...llama, names: ['gemma-3-270m'] }), undefined);
});
