import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { type CheckpointTensor, checkpointFolder, checkpointTensors, readJson } from './checkpoint-files.js';
import { type NamingScheme, nameOf, SCHEMES, splitName } from './names.js';
import type { Encoding, FfnPart, FfnWeights, StoredMatrix } from './types.js';

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
const PARTS: readonly FfnPart[] = ['up', 'gate', 'down'];

const LayersSchema = z.object({ num_hidden_layers: z.int().optional(), n_layer: z.int().optional() });
const ConfigSchema = LayersSchema.extend({
  model_type: z.string().optional(),
  // Multimodal models describe their language model apart.
  text_config: LayersSchema.optional(),
});
// A hostile id must not make a list of billions.
const tokenId = z
  .int()
  .min(0)
  .max(1 << 24);
const TokenizerSchema = z.object({
  model: z.object({
    vocab: z.union([z.record(z.string(), tokenId), z.array(z.tuple([z.string(), z.number()]))]),
  }),
  added_tokens: z.array(z.object({ id: tokenId, content: z.string() })).default([]),
});

/**
 * The FFN weights of a safetensors checkpoint (F32, F16 or BF16; one file, or shards with an index).
 * @throws UserError when it is damaged or incomplete, or its FFN tensors go by names that are not known here.
 */
export async function openSafetensorsWeights(path: string): Promise<FfnWeights> {
  const tensors = await checkpointTensors(path);
  const folder = checkpointFolder(path);
  const { scheme, prefix, layers } = findScheme(path, tensors);
  const config = await readConfig(folder);
  checkLayers(path, layers, config);
  const get = (layer: number, part: FfnPart) => {
    const name = nameOf(scheme, part);
    if (!name) return undefined;
    const tensor = tensors.get(`${prefix}${layer}.${name.rest}`);
    if (tensor) return { tensor, fused: name.fused };
    throw new UserError(
      `${path} lacks ${prefix}${layer}.${name.rest}; the checkpoint is incomplete, download it again`,
    );
  };
  const down = get(0, 'down')!.tensor;
  if (down.shape.length !== 2) throw new UserError(`${path}: ${down.name} is no matrix`);
  const hidden = hiddenSize(tensors, down);
  // GPT-2 keeps its matrices as [inputs, outputs], the other way round than all others.
  const transposed = down.shape[0] !== hidden;
  const ffn = transposed ? down.shape[0] : down.shape[1];

  const matrix = (layer: number, part: FfnPart): StoredMatrix | undefined => {
    const found = get(layer, part);
    return found && stored(path, found.tensor, part, { ffn, hidden, transposed, fused: found.fused });
  };
  const upBias = (layer: number): StoredMatrix | undefined => {
    const { rest, fused } = nameOf(scheme, 'up')!;
    const tensor = tensors.get(`${prefix}${layer}.${rest.replace(/weight$/, 'bias')}`);
    return tensor && storedBias(path, tensor, { ffn, fused });
  };
  const used = Array.from({ length: layers }, (_, layer) =>
    PARTS.flatMap((part) => matrix(layer, part) ?? []),
  ).flat();
  return {
    path,
    format: 'safetensors',
    architecture: config?.model_type || 'unknown',
    layers,
    ffn,
    hidden,
    gated: matrix(0, 'gate') !== undefined,
    quantisation: [...new Set(used.map(({ encoding }) => String(encoding)))].join(' and '),
    quantised: false,
    matrix,
    upBias,
    linearUp: matrix(0, 'gate') !== undefined && !tensors.has(`${prefix}0.mlp.ffn_sub_norm.weight`),
    tokens: () => vocabulary(folder),
  };
}

/** The naming scheme and the prefix (a multimodal model has several towers) under which most layers are complete. */
function findScheme(
  path: string,
  tensors: Map<string, CheckpointTensor>,
): { scheme: NamingScheme; prefix: string; layers: number } {
  // Before the dense layers are looked for: the first ones of such a model can be dense.
  if ([...tensors.keys()].some((name) => /\.(experts|block_sparse_moe)\./.test(name))) {
    throw new UserError(
      `${path} is a mixture-of-experts model; only dense models can be traced (one FFN a layer)`,
    );
  }
  for (const scheme of SCHEMES) {
    const layersOf = new Map<string, number>();
    const first = nameOf(scheme, 'up')!.rest;
    const second = nameOf(scheme, 'gate')?.rest ?? first;
    for (const name of tensors.keys()) {
      const parts = splitName(name);
      if (parts?.rest !== scheme.down || /vision|audio|visual|encoder/.test(parts.prefix)) continue;
      const { prefix, layer } = parts;
      if (!tensors.has(`${prefix}0.${first}`) || !tensors.has(`${prefix}0.${second}`)) continue;
      layersOf.set(prefix, Math.max(layersOf.get(prefix) ?? 0, layer + 1));
    }
    const best = [...layersOf].sort((a, b) => b[1] - a[1])[0];
    if (best) return { scheme, prefix: best[0], layers: best[1] };
  }
  throw new UserError(
    `${path} has no FFN tensors under a name that is known here (such as …layers.0.mlp.down_proj.weight); take a GGUF of the model`,
  );
}

/** Width of the residual stream, from the token embedding; without one (an FFN-only extract) the usual layout is taken. */
function hiddenSize(tensors: Map<string, CheckpointTensor>, down: CheckpointTensor): number {
  for (const { name, shape } of tensors.values()) {
    if (/(embed_tokens|wte|embed_in|word_embeddings|tok_embeddings)\.weight$/.test(name)) {
      if (down.shape.includes(shape[1])) return shape[1];
    }
  }
  return down.shape[0];
}

function stored(
  path: string,
  tensor: CheckpointTensor,
  part: FfnPart,
  { ffn, hidden, transposed, fused }: { ffn: number; hidden: number; transposed: boolean; fused: boolean },
): StoredMatrix {
  const { dtype, shape, name, file } = tensor;
  if (!(dtype in BYTES)) {
    throw new UserError(
      `${path}: ${name} is stored as ${dtype}; only F32, F16 and BF16 checkpoints can be read`,
    );
  }
  const outputs = part === 'down' ? hidden : fused ? 2 * ffn : ffn;
  const inputs = part === 'down' ? ffn : hidden;
  const [rows, columns] = transposed ? [inputs, outputs] : [outputs, inputs];
  if (shape.length !== 2 || shape[0] !== rows || shape[1] !== columns) {
    throw new UserError(`${path}: ${name} is [${shape}], expected [${rows},${columns}]`);
  }
  const rowBytes = columns * BYTES[dtype as keyof typeof BYTES];
  const half = fused && part === 'up' ? ffn * rowBytes : 0;
  return {
    file,
    tensor: name,
    offset: tensor.offset + half,
    rows: fused ? ffn : rows,
    columns,
    rowBytes,
    encoding: dtype as Encoding,
    neurons: (part === 'down') !== transposed ? 'columns' : 'rows',
  };
}

function storedBias(
  path: string,
  tensor: CheckpointTensor,
  { ffn, fused }: { ffn: number; fused: boolean },
): StoredMatrix {
  const { dtype, shape, name, file, offset } = tensor;
  const length = fused ? 2 * ffn : ffn;
  if (!(dtype in BYTES) || shape.length !== 1 || shape[0] !== length) {
    throw new UserError(`${path}: ${name} is ${dtype} [${shape}], expected [${length}] of F32, F16 or BF16`);
  }
  const rowBytes = BYTES[dtype as keyof typeof BYTES];
  return {
    file,
    tensor: name,
    offset: offset + (fused ? ffn * rowBytes : 0),
    rows: ffn,
    columns: 1,
    rowBytes,
    encoding: dtype as Encoding,
    neurons: 'rows',
  };
}

type Config = z.infer<typeof ConfigSchema>;

async function readConfig(folder: string): Promise<Config | undefined> {
  const path = join(folder, 'config.json');
  if (!existsSync(path)) return undefined;
  return ConfigSchema.safeParse(await readJson(path)).data;
}

/** The tensors alone do not tell that the last layers are missing. More than the config says may be there: layers that predict further tokens. */
function checkLayers(path: string, layers: number, config: Config | undefined): void {
  const { num_hidden_layers, n_layer } = { ...config, ...config?.text_config };
  const expected = num_hidden_layers ?? n_layer;
  if (expected === undefined || layers >= expected) return;
  throw new UserError(
    `${path} has FFN matrices of ${layers} layers, and its config.json speaks of ${expected}; the checkpoint is incomplete, download it again`,
  );
}

async function vocabulary(folder: string): Promise<string[] | undefined> {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path)) return undefined;
  const parsed = TokenizerSchema.safeParse(await readJson(path));
  if (!parsed.success) return undefined;
  const tokens: string[] = [];
  const { vocab } = parsed.data.model;
  if (Array.isArray(vocab)) for (const [token] of vocab) tokens.push(token);
  else for (const [token, id] of Object.entries(vocab)) tokens[id] = token;
  for (const { id, content } of parsed.data.added_tokens) tokens[id] = content;
  return Array.from(tokens, (token) => token ?? '');
}
