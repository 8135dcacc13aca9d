import { join } from 'node:path';
import { it } from 'node:test';
import { inspectModel } from '../../src/engine/gguf/model.js';
import { readGguf } from '../../src/engine/gguf/read.js';
import type { GgufValue } from '../../src/engine/gguf/types.js';
import { float32, uint32 } from '../../src/engine/gguf/values.js';
import { expectUserError } from '../support/expect-user-error.js';
import { rewriteGguf } from '../support/rewrite-gguf.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

const floats = (...values: number[]): GgufValue => ({
  type: 'array',
  items: 'float32',
  value: Float32Array.from(values),
});

/** Metadata that llama.cpp takes, and computes NaN, nonsense, or without end with. */
const BAD: [TinyArchitecture, string, GgufValue][] = [
  ['phi2', 'phi2.rope.dimension_count', uint32(0)],
  ['phi2', 'phi2.rope.dimension_count', uint32(7)],
  ['phi2', 'phi2.rope.dimension_count', uint32(18)],
  ['llama', 'llama.rope.freq_base', float32(Number.NaN)],
  ['llama', 'llama.rope.freq_base', float32(0)],
  ['llama', 'llama.rope.freq_base', float32(-10000)],
  ['llama', 'llama.rope.freq_base', float32(Number.POSITIVE_INFINITY)],
  ['gemma3', 'gemma3.rope.freq_base_swa', float32(Number.NaN)],
  ['llama', 'llama.rope.scaling.factor', float32(-2)],
  ['llama', 'llama.rope.scaling.factor', float32(Number.NaN)],
  ['llama', 'llama.attention.layer_norm_rms_epsilon', float32(0)],
  ['llama', 'llama.attention.layer_norm_rms_epsilon', float32(-1e-5)],
  ['llama', 'llama.attention.layer_norm_rms_epsilon', float32(Number.NaN)],
  ['llama', 'llama.attention.layer_norm_rms_epsilon', float32(1e3)],
  ['gpt2', 'gpt2.attention.layer_norm_epsilon', float32(Number.POSITIVE_INFINITY)],
  ['llama', 'llama.attention.head_count', uint32(3)],
  ['llama', 'llama.attention.head_count', uint32(0)],
  ['llama', 'llama.attention.head_count_kv', uint32(3)],
  ['gemma3', 'gemma3.attention.key_length', uint32(0)],
  ['llama', 'llama.context_length', uint32(0)],
  ['llama', 'llama.logit_scale', float32(Number.NaN)],
  ['llama', 'llama.some_scales', floats(1, Number.NaN)],
];

it('numbers that a model cannot compute with are refused, and the entry is named', async () => {
  for (const [i, [architecture, key, value]] of BAD.entries()) {
    const { path } = await writeTinyModel(join(folder, `${architecture}.gguf`), { architecture, layers: 1 });
    const bad = await rewriteGguf(path, join(folder, `bad-${i}.gguf`), { metadata: [[key, value]] });
    const gguf = await readGguf(bad);
    await expectUserError(
      async () => inspectModel(gguf),
      new RegExp(`bad-${i}\\.gguf`),
      new RegExp(key.replaceAll('.', '\\.').replace(/^.*context_length$/, 'context_length')),
    );
  }
});

it('what real models have is taken: zeros for what is not used, and a number for each layer', async () => {
  const { path } = await writeTinyModel(join(folder, 'good.gguf'), { architecture: 'llama', layers: 1 });
  const good = await rewriteGguf(path, join(folder, 'good-2.gguf'), {
    metadata: [
      ['llama.rope.scaling.factor', float32(0)],
      ['llama.attention.scale', float32(0)],
      ['llama.attn_logit_softcapping', float32(50)],
      ['llama.attention.sliding_window', uint32(0)],
      ['llama.attention.head_count_kv', { type: 'array', items: 'int32', value: Int32Array.from([2]) }],
      ['llama.rope.scaling.yarn_log_multiplier', float32(0.1)],
    ],
  });
  inspectModel(await readGguf(good));
});
