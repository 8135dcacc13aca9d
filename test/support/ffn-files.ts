import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GgufValue } from '../../src/engine/gguf/types.js';
import { string, uint32 } from '../../src/engine/gguf/values.js';
import { writeGguf } from '../../src/engine/gguf/write.js';
import { quantiserOf } from '../../src/weights/quantise.js';
import type { FfnPart } from '../../src/weights/types.js';

/** The models of bench/drift-golden.py: weights come from an integer hash, so that both sides can make the same. */
export const LAYERS = 3;
export const FFN = 96;
export const HIDDEN = 64;
export const SEEDS: Record<FfnPart, number> = { up: 1, gate: 2, down: 3 };
export const PARTS = ['up', 'gate', 'down'] as const;

/** The finaliser of MurmurHash3 over a counter. */
export function hashes(seed: number, count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + Math.imul(seed, 40503)) >>> 0;
    x ^= x >>> 16;
    x = Math.imul(x, 2246822519);
    x ^= x >>> 13;
    x = Math.imul(x, 3266489917);
    x ^= x >>> 16;
    return x >>> 0;
  });
}

/** Uniform in [-.5, .5). */
function noise(seed: number, count: number): Float32Array {
  return Float32Array.from(hashes(seed, count), (hash) => hash / 2 ** 32 - 0.5);
}

const amount = (layer: number, j: number) => (j % 7 === 0 ? 0.02 : 0.1 + 0.1 * layer + 0.3 * (j / FFN));

/** A matrix, `[FFN, HIDDEN]` for up and gate, `[HIDDEN, FFN]` for down; `moved` for the second model. */
export function weights(layer: number, part: FfnPart, moved: boolean): Float32Array {
  const seed = 100 * layer + SEEDS[part];
  const base = noise(seed, FFN * HIDDEN);
  if (!moved) return base;
  const step = noise(seed + 5000, FFN * HIDDEN);
  return base.map((value, i) => {
    const j = part === 'down' ? i % FFN : Math.floor(i / HIDDEN);
    return value + Math.fround(step[i] * Math.fround(amount(layer, j)));
  });
}

export type PlainType = 'F32' | 'F16' | 'BF16';

/** Bytes of values in a type; F16 and BF16 rounded to the nearest, ties to even. */
export function plainBytes(values: Float32Array, type: PlainType): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (type === 'BF16') {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    return new Uint8Array(Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16).buffer);
  }
  return new Uint8Array(Uint16Array.from(values, toHalf).buffer);
}

function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const steps = size / 2 ** (exponent - 10);
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return sign | (rounded + ((exponent + 14) << 10));
}

/** A safetensors file of tensors that are bytes already. */
export function writeTensors(
  path: string,
  tensors: { name: string; dtype: string; shape: number[]; data: Uint8Array }[],
): void {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.length] };
    end += data.length;
  }
  // An odd length of the header: offsets in real files are not aligned either.
  const json = Buffer.from(JSON.stringify(header).padEnd(1001));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, ...tensors.map(({ data }) => data)]));
}

export type Layout = 'llama' | 'phi3' | 'gpt2';

/** Whether a model has moved: as a whole, or some of its matrices. */
export type Moved = boolean | readonly FfnPart[];
const isMoved = (moved: Moved, part: FfnPart) => (typeof moved === 'boolean' ? moved : moved.includes(part));

/** FFN tensors of one layer as a checkpoint of a family names and arranges them. */
function layerTensors(layer: number, moved: Moved, dtype: PlainType, layout: Layout) {
  const of = (part: FfnPart) => plainBytes(weights(layer, part, isMoved(moved, part)), dtype);
  const turned = (part: FfnPart, rows: number) =>
    plainBytes(transpose(weights(layer, part, isMoved(moved, part)), rows), dtype);
  const tensor = (name: string, shape: number[], data: Uint8Array) => ({ name, dtype, shape, data });
  if (layout === 'phi3') {
    return [
      tensor(
        `model.layers.${layer}.mlp.gate_up_proj.weight`,
        [2 * FFN, HIDDEN],
        Buffer.concat([of('gate'), of('up')]),
      ),
      tensor(`model.layers.${layer}.mlp.down_proj.weight`, [HIDDEN, FFN], of('down')),
    ];
  }
  if (layout === 'gpt2') {
    return [
      tensor(`h.${layer}.mlp.c_fc.weight`, [HIDDEN, FFN], turned('up', FFN)),
      tensor(`h.${layer}.mlp.c_proj.weight`, [FFN, HIDDEN], turned('down', HIDDEN)),
    ];
  }
  return [
    tensor(`model.layers.${layer}.mlp.gate_proj.weight`, [FFN, HIDDEN], of('gate')),
    tensor(`model.layers.${layer}.mlp.up_proj.weight`, [FFN, HIDDEN], of('up')),
    tensor(`model.layers.${layer}.mlp.down_proj.weight`, [HIDDEN, FFN], of('down')),
  ];
}

function transpose(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  return Float32Array.from(
    { length: values.length },
    (_, i) => values[(i % rows) * columns + Math.floor(i / rows)],
  );
}

const EMBEDDING = {
  llama: 'model.embed_tokens.weight',
  phi3: 'model.embed_tokens.weight',
  gpt2: 'wte.weight',
};

/** A checkpoint folder with config, tokenizer and one file, or one shard a layer. */
export function writeCheckpoint(
  folder: string,
  {
    moved,
    dtype = 'F32',
    layout = 'llama',
    sharded = false,
    tokens = ['<s>', 'a', 'b'],
    architecture = layout,
  }: {
    moved: Moved;
    dtype?: PlainType;
    layout?: Layout;
    sharded?: boolean;
    tokens?: string[];
    architecture?: string;
  },
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ model_type: architecture, hidden_size: HIDDEN }),
  );
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  writeFileSync(
    join(folder, 'tokenizer.json'),
    JSON.stringify({ model: { type: 'BPE', vocab }, added_tokens: [] }),
  );
  const embedding = {
    name: EMBEDDING[layout],
    dtype,
    shape: [tokens.length, HIDDEN],
    data: plainBytes(new Float32Array(tokens.length * HIDDEN), dtype),
  };
  const layers = Array.from({ length: LAYERS }, (_, layer) => layerTensors(layer, moved, dtype, layout));
  if (!sharded) {
    writeTensors(join(folder, 'model.safetensors'), [embedding, ...layers.flat()]);
    return folder;
  }
  const map: Record<string, string> = {};
  layers.forEach((tensors, i) => {
    const name = `model-0000${i + 1}-of-0000${LAYERS}.safetensors`;
    const held = i === 0 ? [embedding, ...tensors] : tensors;
    for (const tensor of held) map[tensor.name] = name;
    writeTensors(join(folder, name), held);
  });
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  return folder;
}

const GGML = { F32: 0, F16: 1, BF16: 30, Q8_0: 8, Q4_0: 2, Q4_1: 3, Q5_0: 6, Q5_1: 7 };
export type GgufType = keyof typeof GGML;

/** A GGUF with the FFN tensors alone: enough for everything that only looks at weights. */
export async function writeFfnGguf(
  path: string,
  {
    moved,
    type,
    fused = false,
    tokens = ['<s>', 'a', 'b'],
  }: {
    moved: boolean;
    /** Of all tensors, or of each. */
    type: GgufType | ((layer: number, part: FfnPart) => GgufType);
    fused?: boolean;
    tokens?: string[];
  },
): Promise<string> {
  const architecture = fused ? 'phi3' : 'llama';
  const bytes = (values: Float32Array, type: GgufType, rows: number, columns: number) =>
    type === 'F32' || type === 'F16' || type === 'BF16'
      ? plainBytes(values, type)
      : quantiserOf(GGML[type])!(values, rows, columns);
  const tensors = Array.from({ length: LAYERS }, (_, layer) => {
    const data = (part: FfnPart) => {
      const kind = typeof type === 'string' ? type : type(layer, part);
      const [rows, columns] = part === 'down' ? [HIDDEN, FFN] : [FFN, HIDDEN];
      return { type: GGML[kind], data: bytes(weights(layer, part, moved), kind, rows, columns) };
    };
    const tensor = (name: string, shape: number[], stored: { type: number; data: Uint8Array }) => ({
      name: `blk.${layer}.${name}.weight`,
      shape,
      ...stored,
    });
    const [up, gate, down] = [data('up'), data('gate'), tensor('ffn_down', [FFN, HIDDEN], data('down'))];
    const both = { type: up.type, data: Buffer.concat([gate.data, up.data]) };
    return fused
      ? [tensor('ffn_up', [HIDDEN, 2 * FFN], both), down]
      : [tensor('ffn_gate', [HIDDEN, FFN], gate), tensor('ffn_up', [HIDDEN, FFN], up), down];
  }).flat();
  await writeGguf(path, { metadata: ffnMetadata(architecture, LAYERS, tokens), tensors });
  return path;
}

/** As much of the metadata as makes a GGUF of FFN tensors one that can be opened. */
export function ffnMetadata(architecture: string, layers: number, tokens: string[]): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    ['general.architecture', string(architecture)],
    [`${architecture}.block_count`, uint32(layers)],
    [`${architecture}.context_length`, uint32(64)],
    [
      'tokenizer.ggml.tokens',
      { type: 'array', items: 'string', value: { length: tokens.length, at: (i: number) => tokens[i] } },
    ],
  ]);
}
