import type { GgufValue } from '../../src/engine/gguf/types.js';
import { float32, string, uint32 } from '../../src/engine/gguf/values.js';
import { type TensorSource, writeGguf } from '../../src/engine/gguf/write.js';
import { encode, type WeightType } from './quantise.js';
import { seededRandom } from './random.js';
import { type TensorRole, tensorList } from './tiny-tensors.js';
import { type TokenizerKind, tokenizerMetadata } from './tiny-tokenizers.js';

export type TinyArchitecture = 'llama' | 'qwen2' | 'gemma3' | 'gpt2' | 'phi2';

export interface TinyOptions {
  architecture: TinyArchitecture;
  seed?: number;
  /** Default 3. */
  layers?: number;
  /** Default 64; a multiple of 32. */
  hidden?: number;
  /** Default 96; a multiple of 32. */
  ffn?: number;
  /** Vocabulary size; default: what the tokenizer needs, about 300. */
  vocab?: number;
  /** Type of the weight matrices; vectors are always f32. */
  weightType?: WeightType;
  /** Default: spm for llama and gemma3, bpe for the others. */
  tokenizer?: TokenizerKind;
  addBos?: boolean;
  chatTemplate?: string;
  /** Standard deviation of the logits, about: 1 is nearly flat, 3 (the default) lively, 8 nearly one-hot. */
  sharpness?: number;
  contextLength?: number;
}

export interface TinyConfig {
  architecture: TinyArchitecture;
  layers: number;
  hidden: number;
  ffn: number;
  vocab: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  contextLength: number;
  /** Dimensions of a head that are rotated; 0 without rotary positions. */
  rotary: number;
  ropeBase: number;
  /** Rope base of sliding-window layers. */
  ropeBaseLocal: number;
  /** A sliding-window layer sees this many positions, itself included. */
  window: number;
  slidingLayers: boolean[];
  epsilon: number;
}

/** Weight matrices are row-major [outputs, inputs]; vectors have one dimension. Values are as a reader of the file gets them. */
export type TinyWeights = Map<string, Float32Array>;

export interface TinyModel {
  path: string;
  config: TinyConfig;
  weights: TinyWeights;
}

/** In gemma3 every second layer sees the whole text (in the real models, every sixth). */
const SLIDING_PERIOD = 2;

/** Writes a random model that llama.cpp loads, and returns its weights for the plain forward pass in forward.ts. */
export async function writeTinyModel(path: string, options: TinyOptions): Promise<TinyModel> {
  const { architecture, weightType = 'f32', sharpness = 3, seed = 1 } = options;
  const kind = options.tokenizer ?? (architecture === 'llama' || architecture === 'gemma3' ? 'spm' : 'bpe');
  const addBos = options.addBos ?? kind === 'spm';
  const tokenizer = tokenizerMetadata(kind, options.vocab, addBos);
  const config = configOf(options, tokenizer.vocab);

  const random = seededRandom(seed);
  const weights: TinyWeights = new Map();
  const tensors: TensorSource[] = [];
  for (const { name, shape, role } of tensorList(config)) {
    const values = draw(shape, role, sharpness, random);
    const { type, data, decoded } = encode(
      values,
      role === 'matrix' || role === 'embedding' ? weightType : 'f32',
    );
    weights.set(name, decoded);
    tensors.push({ name, shape, type, data });
  }
  const metadata = new Map<string, GgufValue>([...modelMetadata(config), ...tokenizer.metadata]);
  if (options.chatTemplate !== undefined) {
    metadata.set('tokenizer.chat_template', string(options.chatTemplate));
  }
  await writeGguf(path, { metadata, tensors });
  return { path, config, weights };
}

function configOf(options: TinyOptions, vocab: number): TinyConfig {
  const { architecture, layers = 3, hidden = 64, ffn = 96, contextLength = 512 } = options;
  const gemma = architecture === 'gemma3';
  const grouped = architecture === 'llama' || architecture === 'qwen2';
  const headDim = gemma ? 32 : 16;
  // In gemma3 the heads together are wider than the hidden state.
  const heads = gemma ? 4 : hidden / headDim;
  return {
    architecture,
    layers,
    hidden,
    ffn,
    vocab,
    heads,
    kvHeads: gemma ? 1 : grouped ? heads / 2 : heads,
    headDim,
    contextLength,
    rotary: architecture === 'gpt2' ? 0 : architecture === 'phi2' ? headDim / 2 : headDim,
    ropeBase: gemma ? 1_000_000 : 10_000,
    ropeBaseLocal: 5_000,
    window: 8,
    slidingLayers: Array.from(
      { length: layers },
      (_, layer) => gemma && layer % SLIDING_PERIOD < SLIDING_PERIOD - 1,
    ),
    epsilon: 1e-5,
  };
}

/** Uniform numbers, scaled so that activations are of the order of 1 in every layer. */
function draw(shape: number[], role: TensorRole, sharpness: number, random: () => number): Float32Array {
  const spread = {
    matrix: 1 / Math.sqrt(shape[0]),
    embedding: 1 / Math.sqrt(shape[0]),
    position: 0.1,
    norm: 0.2,
    finalNorm: 0.2,
    bias: 0.3,
  }[role];
  const centre = role === 'norm' || role === 'finalNorm' ? 1 : 0;
  // The last norm's weight sets the scale of the logits: the rows of the output matrix have length 1.
  const factor = role === 'finalNorm' ? sharpness : 1;
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const range = 2 * Math.sqrt(3);
  for (let i = 0; i < values.length; i++) {
    values[i] = factor * (centre + spread * range * (random() - 0.5));
  }
  return values;
}

function modelMetadata(config: TinyConfig): [string, GgufValue][] {
  const { architecture } = config;
  const layerNorm = architecture === 'gpt2' || architecture === 'phi2';
  const own: [string, GgufValue][] = [
    ['context_length', uint32(config.contextLength)],
    ['block_count', uint32(config.layers)],
    ['embedding_length', uint32(config.hidden)],
    ['feed_forward_length', uint32(config.ffn)],
    ['attention.head_count', uint32(config.heads)],
    ['attention.head_count_kv', uint32(config.kvHeads)],
    [`attention.layer_norm_${layerNorm ? '' : 'rms_'}epsilon`, float32(config.epsilon)],
  ];
  if (config.rotary > 0) {
    own.push(['rope.dimension_count', uint32(config.rotary)], ['rope.freq_base', float32(config.ropeBase)]);
  }
  if (architecture === 'gemma3') {
    own.push(
      ['attention.key_length', uint32(config.headDim)],
      ['attention.value_length', uint32(config.headDim)],
      ['attention.sliding_window', uint32(config.window)],
      ['attention.sliding_window_pattern', uint32(SLIDING_PERIOD)],
      ['rope.freq_base_swa', float32(config.ropeBaseLocal)],
    );
  }
  return [
    ['general.architecture', string(architecture)],
    ['general.name', string(`tiny ${architecture}`)],
    ['general.file_type', uint32(0)],
    ...own.map(([key, value]): [string, GgufValue] => [`${architecture}.${key}`, value]),
  ];
}
