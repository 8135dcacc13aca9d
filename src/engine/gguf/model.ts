import { UserError } from '../../errors.js';
import { baseModelSign } from './base-model.js';
import { elementCount, fileTypeName, ggmlType } from './ggml-types.js';
import { checkHyperparameters } from './hyperparameters.js';
import type { Gguf, StringList, TensorInfo } from './types.js';
import { booleanAt, numberAt, printable, stringAt, stringsAt } from './values.js';

/** What the header of a GGUF model tells about it. */
export interface GgufModel {
  /** `general.architecture`, e.g. `gemma3`. */
  architecture: string;
  /** `general.name`, or the file name where that is missing. */
  name: string;
  layers: number;
  hidden: number;
  /** Neurons of a layer; the same in every layer. */
  ffn: number;
  vocab: number;
  contextLength: number;
  /** Whether the FFN has a gate (z = act(gate) * up), as a tensor of its own or fused with `up`. */
  gated: boolean;
  chatTemplate?: string;
  /** Why the model looks like a base model although it has a chat template, in words. */
  baseSign?: string;
  /** Text of the special tokens that chat templates name. */
  bosToken?: string;
  eosToken?: string;
  /** Text of the other special tokens, by the names that chat templates have for them, as `pad_token`. */
  specialTokens?: Record<string, string>;
  addBos: boolean;
  /** For display, e.g. `Q4_K_M`. */
  quantisation: string;
  parameters: number;
  weightBytes: number;
}

/**
 * Describes a dense language model from its header.
 *
 * @throws UserError, naming the architecture, where the file is no model that can be read here: mixture of experts, no
 *   FFN down projections (state-space models, projectors, adapters), layers of different width, or no causal language model.
 */
export function inspectModel(gguf: Gguf): GgufModel {
  const { metadata, path } = gguf;
  const architecture = stringAt(metadata, 'general.architecture');
  if (!architecture) {
    const other = OTHER_KINDS.get(stringAt(metadata, 'general.type') ?? '');
    if (other !== undefined) throw new UserError(`${path}: ${other}; name a model that generates text`);
    throw new UserError(
      `${path}: the metadata names no architecture, so it is no model; name a language model`,
    );
  }
  refuseOtherKinds(gguf, architecture);
  const { layers, hidden, ffn, gated } = feedForward(gguf, architecture);
  checkHyperparameters(gguf, architecture, hidden);
  const contextLength = numberAt(metadata, `${architecture}.context_length`);
  if (!contextLength) {
    throw new UserError(`${path}: the metadata of this ${printable(architecture)} model lack context_length`);
  }
  return {
    architecture,
    name: stringAt(metadata, 'general.name') || fileName(path),
    layers,
    hidden,
    ffn,
    vocab: vocabularySize(gguf, architecture),
    contextLength,
    gated,
    ...templateOf(gguf),
    ...specialTokens(gguf),
    quantisation: quantisation(gguf),
    parameters: sum(gguf, (tensor) => elementCount(tensor.shape)),
    weightBytes: sum(gguf, (tensor) => tensor.bytes),
  };
}

/** GGUF files of other kinds, by `general.type` or architecture. */
const OTHER_KINDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    mmproj: 'a projector for images or sound, not a language model',
    clip: 'a projector for images or sound, not a language model',
    imatrix: 'an importance matrix, not a model',
    controlvector: 'a control vector, not a model',
    vocab: 'a vocabulary, not a model',
    t5: 'an encoder-decoder model, whose neurons cannot be read',
    t5encoder: 'an encoder, which generates no text',
    dream: 'a diffusion language model, which does not generate token by token',
    llada: 'a diffusion language model, which does not generate token by token',
    'llada-moe': 'a diffusion language model, which does not generate token by token',
    rnd1: 'a diffusion language model, which does not generate token by token',
  }),
);

function refuseOtherKinds({ metadata, tensors, path }: Gguf, architecture: string): void {
  const shown = printable(architecture);
  const type = stringAt(metadata, 'general.type');
  const adapted = [...tensors.keys()].some((name) => name.endsWith('.lora_a'));
  if (type === 'adapter' || metadata.has('adapter.type') || adapted) {
    throw new UserError(`${path}: a LoRA adapter for ${shown}, not a model; name the model that it is for`);
  }
  const other = OTHER_KINDS.get(type ?? '') ?? OTHER_KINDS.get(architecture);
  if (other !== undefined) throw new UserError(`${path}: ${other}; name a model that generates text`);
  const expert = [...tensors.keys()].find((name) => /\.ffn_down(_exps|\.\d+)\.weight$/.test(name));
  if (expert !== undefined || (numberAt(metadata, `${architecture}.expert_count`) ?? 0) > 1) {
    throw new UserError(
      `${path}: ${shown} here is a mixture-of-experts model; only dense models can be read so far (mixture of experts comes later)`,
    );
  }
  if (!tensors.has(downName(0))) {
    throw new UserError(
      `${path}: a file of the architecture ${shown}${type ? ` (type ${printable(type)})` : ''} without ${downName(0)}, ` +
        'so it has no FFN neurons to read; name a dense language model',
    );
  }
  // Of an embedding model or a reranker: what it makes of all tokens is pooled.
  const pooled = (numberAt(metadata, `${architecture}.pooling_type`) ?? 0) > 0;
  if (pooled || booleanAt(metadata, `${architecture}.attention.causal`) === false) {
    throw new UserError(
      `${path}: ${shown} is no causal language model (embedding or diffusion); name a model that generates text`,
    );
  }
}

/** Sizes as the tensors have them; the metadata may give one number for all layers or one for each. */
function feedForward({ metadata, tensors, path }: Gguf, architecture: string) {
  const shown = printable(architecture);
  const blocks = numberAt(metadata, `${architecture}.block_count`) ?? 0;
  // Layers for multi-token prediction come last and take no part in ordinary decoding.
  const layers = blocks - (numberAt(metadata, `${architecture}.nextn_predict_layers`) ?? 0);
  const first = tensors.get(downName(0))!;
  const [ffn, hidden] = first.shape;
  if (layers < 1 || first.shape.length !== 2) {
    throw new UserError(`${path}: the sizes of this ${shown} model make no sense; download it again`);
  }
  for (let layer = 1; layer < layers; layer++) {
    const down = tensors.get(downName(layer));
    if (!down) {
      throw new UserError(
        `${path}: ${shown} without ${downName(layer)}: only models with an FFN in each layer can be read`,
      );
    }
    if (down.shape[0] !== ffn || down.shape[1] !== hidden) {
      throw new UserError(
        `${path}: ${shown} with FFN layers of different sizes (${ffn} in layer 0, ${down.shape[0]} in layer ${layer}): ` +
          'only models with the same size in each layer can be read',
      );
    }
  }
  const fused = tensors.get('blk.0.ffn_up.weight')?.shape[1] === 2 * ffn;
  return { layers, hidden, ffn, gated: fused || tensors.has('blk.0.ffn_gate.weight') };
}

function vocabularySize({ metadata, tensors, path }: Gguf, architecture: string): number {
  const size =
    stringsAt(metadata, 'tokenizer.ggml.tokens')?.length ??
    numberAt(metadata, `${architecture}.vocab_size`) ??
    tensors.get('token_embd.weight')?.shape[1];
  if (size) return size;
  throw new UserError(`${path}: the file has no vocabulary; download a complete model`);
}

function templateOf({ metadata, path }: Gguf): Pick<GgufModel, 'chatTemplate' | 'baseSign'> {
  const chatTemplate = stringAt(metadata, 'tokenizer.chat_template');
  const baseSign = chatTemplate && baseModelSign(metadata, path);
  return { chatTemplate, ...(baseSign && { baseSign: printable(baseSign) }) };
}

/** The defaults for what the metadata leave open are those of llama.cpp for each kind of tokenizer. */
function specialTokens({ metadata }: Gguf) {
  const tokens = stringsAt(metadata, 'tokenizer.ggml.tokens');
  const kind = stringAt(metadata, 'tokenizer.ggml.model') ?? '';
  const [bos, eos] = { llama: [1, 2], gpt2: [11, 11] }[kind] ?? [-1, -1];
  const llama3 = ['llama3', 'llama-v3', 'llama-bpe'].includes(stringAt(metadata, 'tokenizer.ggml.pre') ?? '');
  return {
    bosToken: tokens?.at(numberAt(metadata, 'tokenizer.ggml.bos_token_id') ?? bos),
    eosToken: tokens?.at(numberAt(metadata, 'tokenizer.ggml.eos_token_id') ?? eos),
    ...otherTokens(metadata, tokens),
    addBos: booleanAt(metadata, 'tokenizer.ggml.add_bos_token') ?? (kind === 'llama' || llama3),
  };
}

function otherTokens(
  metadata: Gguf['metadata'],
  tokens: StringList | undefined,
): Pick<GgufModel, 'specialTokens'> {
  const found: Record<string, string> = {};
  for (const [name, key] of [
    ['unk_token', 'unknown_token_id'],
    ['pad_token', 'padding_token_id'],
    ['sep_token', 'seperator_token_id'],
    ['cls_token', 'cls_token_id'],
    ['mask_token', 'mask_token_id'],
  ]) {
    const text = tokens?.at(numberAt(metadata, `tokenizer.ggml.${key}`) ?? -1);
    if (text !== undefined) found[name] = text;
  }
  return Object.keys(found).length > 0 ? { specialTokens: found } : {};
}

/** From `general.file_type`, else the type that most bytes of the weights are in. */
function quantisation({ metadata, tensors }: Gguf): string {
  const named = fileTypeName(numberAt(metadata, 'general.file_type') ?? -1);
  if (named) return named;
  const bytes = new Map<number, number>();
  for (const tensor of tensors.values()) bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.bytes);
  const [type] = [...bytes].sort((a, b) => b[1] - a[1])[0];
  return ggmlType(type)!.name;
}

function sum({ tensors }: Gguf, part: (tensor: TensorInfo) => number): number {
  return [...tensors.values()].reduce((total, tensor) => total + part(tensor), 0);
}

const downName = (layer: number) => `blk.${layer}.ffn_down.weight`;

function fileName(path: string): string {
  return path.replace(/^.*[/\\]/, '').replace(/\.gguf$/i, '');
}
