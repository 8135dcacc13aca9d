import type { TinyConfig } from './tiny-models.js';

export type TensorRole = 'matrix' | 'embedding' | 'position' | 'norm' | 'finalNorm' | 'bias';

export interface TinyTensor {
  name: string;
  /** ggml order: [inputs, outputs] or [length]. */
  shape: number[];
  role: TensorRole;
}

/** The tensors that llama.cpp expects for an architecture. */
export function tensorList(config: TinyConfig): TinyTensor[] {
  const { architecture, hidden, vocab, layers, contextLength } = config;
  const layerNorm = architecture === 'gpt2' || architecture === 'phi2';
  const list: TinyTensor[] = [{ name: 'token_embd.weight', shape: [hidden, vocab], role: 'embedding' }];
  if (architecture === 'gpt2') {
    list.push({ name: 'position_embd.weight', shape: [hidden, contextLength], role: 'position' });
  }
  for (let layer = 0; layer < layers; layer++) {
    for (const { name, ...rest } of blockTensors(config))
      list.push({ name: `blk.${layer}.${name}`, ...rest });
  }
  list.push({ name: 'output_norm.weight', shape: [hidden], role: 'finalNorm' });
  if (layerNorm) list.push({ name: 'output_norm.bias', shape: [hidden], role: 'bias' });
  // gemma3 and gpt2 use the embedding for the output as well.
  if (architecture !== 'gemma3' && architecture !== 'gpt2') {
    list.push({ name: 'output.weight', shape: [hidden, vocab], role: 'matrix' });
  }
  if (architecture === 'phi2') list.push({ name: 'output.bias', shape: [vocab], role: 'bias' });
  return list;
}

function blockTensors({ architecture, hidden, ffn, heads, kvHeads, headDim }: TinyConfig): TinyTensor[] {
  const queries = heads * headDim;
  const keys = kvHeads * headDim;
  const matrix = (name: string, inputs: number, outputs: number): TinyTensor => ({
    name: `${name}.weight`,
    shape: [inputs, outputs],
    role: 'matrix',
  });
  const norm = (name: string, size = hidden): TinyTensor => ({
    name: `${name}.weight`,
    shape: [size],
    role: 'norm',
  });
  const bias = (name: string, size: number): TinyTensor => ({
    name: `${name}.bias`,
    shape: [size],
    role: 'bias',
  });
  const attention = [
    norm('attn_norm'),
    matrix('attn_q', hidden, queries),
    matrix('attn_k', hidden, keys),
    matrix('attn_v', hidden, keys),
    matrix('attn_output', queries, hidden),
  ];
  const attentionBias = [bias('attn_q', queries), bias('attn_k', keys), bias('attn_v', keys)];
  const plainFfn = [matrix('ffn_up', hidden, ffn), matrix('ffn_down', ffn, hidden)];
  const plainBias = [bias('ffn_up', ffn), bias('ffn_down', hidden)];
  const gated = [matrix('ffn_gate', hidden, ffn), ...plainFfn];
  switch (architecture) {
    case 'llama':
      return [...attention, norm('ffn_norm'), ...gated];
    case 'qwen2':
      return [...attention, ...attentionBias, norm('ffn_norm'), ...gated];
    case 'gemma3':
      return [
        ...attention,
        norm('attn_q_norm', headDim),
        norm('attn_k_norm', headDim),
        norm('post_attention_norm'),
        norm('ffn_norm'),
        ...gated,
        norm('post_ffw_norm'),
      ];
    case 'gpt2':
      return [
        norm('attn_norm'),
        bias('attn_norm', hidden),
        matrix('attn_qkv', hidden, queries + 2 * keys),
        bias('attn_qkv', queries + 2 * keys),
        matrix('attn_output', queries, hidden),
        bias('attn_output', hidden),
        norm('ffn_norm'),
        bias('ffn_norm', hidden),
        ...plainFfn,
        ...plainBias,
      ];
    case 'phi2':
      return [
        ...attention,
        ...attentionBias,
        bias('attn_norm', hidden),
        bias('attn_output', hidden),
        ...plainFfn,
        ...plainBias,
      ];
  }
}
