import type { FfnPart } from './types.js';

/** Where a family of checkpoints keeps its FFN: the tensor names behind the layer's prefix. */
export interface NamingScheme {
  /** Families that use it, for the reader. */
  families: string;
  /** Name behind `…layers.<n>.`; a fused tensor holds gate and up, in this order, along its first axis. */
  up?: string;
  gate?: string;
  fused?: string;
  down: string;
}

/** Tried in this order; the first whose down projection is there is the one. */
export const SCHEMES: readonly NamingScheme[] = [
  {
    families: 'Phi-3, Phi-4',
    fused: 'mlp.gate_up_proj.weight',
    down: 'mlp.down_proj.weight',
  },
  {
    families: 'Llama, Mistral, Qwen, Gemma, SmolLM, OLMo, Granite, StableLM',
    gate: 'mlp.gate_proj.weight',
    up: 'mlp.up_proj.weight',
    down: 'mlp.down_proj.weight',
  },
  { families: 'Nemotron', up: 'mlp.up_proj.weight', down: 'mlp.down_proj.weight' },
  {
    families: 'Pythia (GPT-NeoX), Falcon, BLOOM',
    up: 'mlp.dense_h_to_4h.weight',
    down: 'mlp.dense_4h_to_h.weight',
  },
  { families: 'Phi-1, Phi-2', up: 'mlp.fc1.weight', down: 'mlp.fc2.weight' },
  { families: 'GPT-J', up: 'mlp.fc_in.weight', down: 'mlp.fc_out.weight' },
  { families: 'OPT', up: 'fc1.weight', down: 'fc2.weight' },
  {
    families: 'InternLM2',
    gate: 'feed_forward.w1.weight',
    up: 'feed_forward.w3.weight',
    down: 'feed_forward.w2.weight',
  },
  {
    families: 'EXAONE',
    gate: 'mlp.c_fc_0.weight',
    up: 'mlp.c_fc_1.weight',
    down: 'mlp.c_proj.weight',
  },
  { families: 'Qwen (first)', gate: 'mlp.w2.weight', up: 'mlp.w1.weight', down: 'mlp.c_proj.weight' },
  { families: 'GPT-2, StarCoder2', up: 'mlp.c_fc.weight', down: 'mlp.c_proj.weight' },
];

/** `model.layers.7.mlp.up_proj.weight` to its prefix, layer and rest; undefined for tensors outside of layers. */
export function splitName(name: string): { prefix: string; layer: number; rest: string } | undefined {
  const match = /^(.*?(?:layers|h|blocks)\.)(\d+)\.(.+)$/.exec(name);
  return match ? { prefix: match[1], layer: Number(match[2]), rest: match[3] } : undefined;
}

/** The name that a scheme gives a part, and whether it shares the tensor with another part. */
export function nameOf(scheme: NamingScheme, part: FfnPart): { rest: string; fused: boolean } | undefined {
  if (part === 'down') return { rest: scheme.down, fused: false };
  if (scheme.fused) return { rest: scheme.fused, fused: true };
  const rest = scheme[part];
  return rest === undefined ? undefined : { rest, fused: false };
}
