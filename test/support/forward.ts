import { fromHalf, toHalf } from './quantise.js';
import type { TinyConfig, TinyModel } from './tiny-models.js';

export interface ForwardOptions {
  /** Neurons (flat index `layer * ffn + j`) whose activation is multiplied by `alpha` on its way to the down projection. */
  steering?: { neurons: ArrayLike<number>; alpha: number };
  /**
   * ggml's CPU code takes GELU from a table of float16 values: input and result are rounded. Default true; false gives
   * the function itself.
   */
  gelu16?: boolean;
}

export interface ForwardResult {
  /** For each layer, what enters the down projection, before any steering: `[tokens, ffn]`. */
  z: Float64Array[];
  /** For each layer, what the down projection returns, steering and bias included, before any norm: `[tokens, hidden]`. */
  h: Float64Array[];
  /** For each layer, the residual stream behind it: `[tokens, hidden]`. */
  x: Float64Array[];
  /** `[tokens, vocab]` */
  logits: Float64Array;
}

/** The model's forward pass over one sequence, spelled out in float64: the yardstick for the engine. */
export function forward(
  { config, weights }: TinyModel,
  tokens: ArrayLike<number>,
  options: ForwardOptions = {},
): ForwardResult {
  const { architecture, hidden, layers, ffn, vocab } = config;
  const rows = tokens.length;
  const layerNorm = architecture === 'gpt2' || architecture === 'phi2';
  const gelu = options.gelu16 === false ? geluTanh : gelu16;
  const activation = architecture === 'llama' || architecture === 'qwen2' ? silu : gelu;
  const w = (name: string) => {
    const values = weights.get(name);
    if (!values) throw new Error(`no weight ${name}`);
    return values;
  };
  const linear = (x: Float64Array, name: string) =>
    matmul(x, w(`${name}.weight`), weights.get(`${name}.bias`), rows);
  const norm = (x: Float64Array, name: string, width = hidden) =>
    layerNorm
      ? normalise(x, w(`${name}.weight`), w(`${name}.bias`), width, config.epsilon)
      : rmsNormalise(x, w(`${name}.weight`), width, config.epsilon);

  let x = embed(config, w, tokens);
  const result: ForwardResult = { z: [], h: [], x: [], logits: new Float64Array() };
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}`;

    const input = norm(x, `${block}.attn_norm`);
    let [q, k, v] = weights.has(`${block}.attn_qkv.weight`)
      ? splitColumns(linear(input, `${block}.attn_qkv`), rows, 3)
      : ['q', 'k', 'v'].map((part) => linear(input, `${block}.attn_${part}`));
    if (architecture === 'gemma3') {
      q = norm(q, `${block}.attn_q_norm`, config.headDim);
      k = norm(k, `${block}.attn_k_norm`, config.headDim);
    }
    const sliding = config.slidingLayers[layer];
    rotate(q, config, config.heads, sliding);
    rotate(k, config, config.kvHeads, sliding);
    const mixed = attend(q, k, v, config, rows, sliding ? config.window : rows);
    let attention = linear(mixed, `${block}.attn_output`);
    if (architecture === 'gemma3') attention = norm(attention, `${block}.post_attention_norm`);

    // phi2 runs attention and FFN side by side, on the same input.
    const middle = add(x, attention);
    const ffnInput = architecture === 'phi2' ? input : norm(middle, `${block}.ffn_norm`);
    const up = linear(ffnInput, `${block}.ffn_up`);
    const z = weights.has(`${block}.ffn_gate.weight`)
      ? linear(ffnInput, `${block}.ffn_gate`).map((g, i) => activation(g) * up[i])
      : up.map(activation);
    const h = linear(steered(z, layer, ffn, options.steering), `${block}.ffn_down`);
    result.z.push(z);
    result.h.push(h);
    x = add(middle, architecture === 'gemma3' ? norm(h, `${block}.post_ffw_norm`) : h);
    result.x.push(x);
  }
  const output = weights.has('output.weight') ? 'output' : 'token_embd';
  result.logits = linear(norm(x, 'output_norm'), output);
  if (result.logits.length !== rows * vocab) throw new Error('logits of the wrong size');
  return result;
}

function embed(
  config: TinyConfig,
  w: (name: string) => Float32Array,
  tokens: ArrayLike<number>,
): Float64Array {
  const { hidden, architecture } = config;
  const x = new Float64Array(tokens.length * hidden);
  const table = w('token_embd.weight');
  const scale = architecture === 'gemma3' ? Math.sqrt(hidden) : 1;
  for (let t = 0; t < tokens.length; t++) {
    for (let i = 0; i < hidden; i++) {
      x[t * hidden + i] = scale * table[tokens[t] * hidden + i];
      if (architecture === 'gpt2') x[t * hidden + i] += w('position_embd.weight')[t * hidden + i];
    }
  }
  return x;
}

/** x `[rows, inputs]` times the transpose of weight `[outputs, inputs]`, plus bias. */
function matmul(
  x: Float64Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
  rows: number,
): Float64Array {
  const inputs = x.length / rows;
  const outputs = weight.length / inputs;
  const y = new Float64Array(rows * outputs);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outputs; o++) {
      let sum = bias ? bias[o] : 0;
      for (let i = 0; i < inputs; i++) sum += x[r * inputs + i] * weight[o * inputs + i];
      y[r * outputs + o] = sum;
    }
  }
  return y;
}

function rmsNormalise(x: Float64Array, weight: Float32Array, width: number, epsilon: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x[start + i] ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let i = 0; i < width; i++) y[start + i] = x[start + i] * scale * weight[i];
  }
  return y;
}

function normalise(
  x: Float64Array,
  weight: Float32Array,
  bias: Float32Array,
  width: number,
  epsilon: number,
): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width);
    const mean = row.reduce((a, b) => a + b, 0) / width;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / width;
    for (let i = 0; i < width; i++) {
      y[start + i] = ((row[i] - mean) / Math.sqrt(variance + epsilon)) * weight[i] + bias[i];
    }
  }
  return y;
}

/** Rotary positions, in place. llama rotates neighbours (0, 1), (2, 3), ...; the others element i with element i + rotary / 2. */
function rotate(x: Float64Array, config: TinyConfig, heads: number, sliding: boolean): void {
  const { rotary, headDim, architecture } = config;
  const base = sliding ? config.ropeBaseLocal : config.ropeBase;
  const neighbours = architecture === 'llama';
  for (let start = 0; start < x.length; start += headDim) {
    const position = Math.floor(start / (heads * headDim));
    for (let i = 0; i < rotary / 2; i++) {
      const angle = position * base ** ((-2 * i) / rotary);
      const first = start + (neighbours ? 2 * i : i);
      const second = first + (neighbours ? 1 : rotary / 2);
      const [a, b] = [x[first], x[second]];
      x[first] = a * Math.cos(angle) - b * Math.sin(angle);
      x[second] = a * Math.sin(angle) + b * Math.cos(angle);
    }
  }
}

/** Causal attention over the last `window` positions; each key head serves heads / kvHeads query heads. */
function attend(
  q: Float64Array,
  k: Float64Array,
  v: Float64Array,
  { heads, kvHeads, headDim }: TinyConfig,
  rows: number,
  window: number,
): Float64Array {
  const out = new Float64Array(rows * heads * headDim);
  for (let t = 0; t < rows; t++) {
    for (let head = 0; head < heads; head++) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const own = (t * heads + head) * headDim;
      const first = Math.max(0, t - window + 1);
      const scores: number[] = [];
      for (let s = first; s <= t; s++) {
        let dot = 0;
        for (let i = 0; i < headDim; i++) dot += q[own + i] * k[(s * kvHeads + kvHead) * headDim + i];
        scores.push(dot / Math.sqrt(headDim));
      }
      const largest = Math.max(...scores);
      const exps = scores.map((score) => Math.exp(score - largest));
      const total = exps.reduce((a, b) => a + b, 0);
      for (let s = first; s <= t; s++) {
        const weight = exps[s - first] / total;
        for (let i = 0; i < headDim; i++) out[own + i] += weight * v[(s * kvHeads + kvHead) * headDim + i];
      }
    }
  }
  return out;
}

function steered(
  z: Float64Array,
  layer: number,
  ffn: number,
  steering: ForwardOptions['steering'],
): Float64Array {
  const scaled = z.slice();
  for (const neuron of Array.from(steering?.neurons ?? [])) {
    if (Math.floor(neuron / ffn) !== layer) continue;
    for (let i = neuron % ffn; i < z.length; i += ffn) scaled[i] *= steering!.alpha;
  }
  return scaled;
}

function splitColumns(x: Float64Array, rows: number, parts: number): Float64Array[] {
  const width = x.length / rows / parts;
  return Array.from({ length: parts }, (_, part) =>
    Float64Array.from({ length: rows * width }, (_, i) => {
      const row = Math.floor(i / width);
      return x[(row * parts + part) * width + (i % width)];
    }),
  );
}

const add = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + b[i]);

const silu = (x: number) => x / (1 + Math.exp(-x));

const geluTanh = (x: number) =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));

function gelu16(x: number): number {
  if (x <= -10) return 0;
  if (x >= 10) return x;
  return fromHalf(toHalf(geluTanh(fromHalf(toHalf(x)))));
}
