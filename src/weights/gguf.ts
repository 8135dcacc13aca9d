import { F16, F32, ggmlType } from '../engine/gguf/ggml-types.js';
import { inspectModel } from '../engine/gguf/model.js';
import { readGguf } from '../engine/gguf/read.js';
import type { TensorInfo } from '../engine/gguf/types.js';
import { stringsAt } from '../engine/gguf/values.js';
import { UserError } from '../errors.js';
import type { Encoding, FfnPart, FfnWeights, StoredMatrix, StoredRows } from './types.js';

const BF16 = 30;

/**
 * The FFN weights of a GGUF model, in any quantisation. A fused `ffn_up` (Phi-3) holds the gate in its first half.
 * @throws UserError for a damaged file or a model without ordinary FFN layers.
 */
export async function openGgufWeights(path: string): Promise<FfnWeights> {
  const gguf = await readGguf(path);
  const info = inspectModel(gguf);
  const { layers, ffn, hidden } = info;
  const find = (layer: number, name: string) => gguf.tensors.get(`blk.${layer}.${name}.weight`);
  const fused = find(0, 'ffn_up')?.shape[1] === 2 * ffn;
  const gated = info.gated;

  const matrix = (layer: number, part: FfnPart): StoredMatrix | undefined => {
    if (part === 'gate' && !gated) return undefined;
    if (part === 'down') return stored(need(find(layer, 'ffn_down'), path, layer, part), 'columns');
    const tensor = need(find(layer, part === 'gate' && !fused ? 'ffn_gate' : 'ffn_up'), path, layer, part);
    const rows = fused ? 2 * ffn : ffn;
    if (tensor.shape[0] !== hidden || tensor.shape[1] !== rows) {
      throw new UserError(
        `${path}: ${tensor.name} is ${tensor.shape.join(' x ')}, expected ${hidden} x ${rows}`,
      );
    }
    const whole = stored(tensor, 'rows');
    if (!fused) return whole;
    return { ...whole, rows: ffn, offset: whole.offset + (part === 'up' ? ffn * whole.rowBytes : 0) };
  };

  const upBias = (layer: number): StoredMatrix | undefined => {
    const tensor = gguf.tensors.get(`blk.${layer}.ffn_up.bias`);
    if (!tensor) return undefined;
    const [length] = tensor.shape;
    if (length !== (fused ? 2 * ffn : ffn)) {
      throw new UserError(`${path}: ${tensor.name} has ${length} numbers, expected ${fused ? 2 * ffn : ffn}`);
    }
    const rowBytes = tensor.bytes / length;
    const whole = { ...stored(tensor, 'rows'), rows: ffn, columns: 1, rowBytes };
    return { ...whole, offset: whole.offset + (fused ? ffn * rowBytes : 0) };
  };

  // Some architectures clamp the values of W_up x, within bounds named in the metadata.
  const clamped = [...gguf.metadata.keys()].some((key) => /\.swiglu_clamp_(sh)?exp$/.test(key));
  const used = Array.from({ length: layers }, (_, layer) =>
    (['up', 'gate', 'down'] as const).flatMap((part) => matrix(layer, part) ?? []),
  ).flat();
  return {
    path,
    format: 'gguf',
    architecture: info.architecture,
    layers,
    ffn,
    hidden,
    gated,
    quantisation: info.quantisation,
    quantised: used.some(({ encoding }) => typeof encoding === 'object'),
    matrix,
    upBias,
    linearUp: gated && !clamped && !find(0, 'ffn_sub_norm'),
    async tokens() {
      const list = stringsAt(gguf.metadata, 'tokenizer.ggml.tokens');
      return list && Array.from({ length: list.length }, (_, i) => list.at(i) ?? '');
    },
  };
}

function need(tensor: TensorInfo | undefined, path: string, layer: number, part: FfnPart): TensorInfo {
  if (tensor) return tensor;
  throw new UserError(`${path} lacks the ${part} matrix of layer ${layer}; the model is incomplete`);
}

function stored(tensor: TensorInfo, neurons: StoredMatrix['neurons']): StoredMatrix {
  return { ...storedRows(tensor), neurons };
}

/** Where a matrix, or a vector as its only row, lies. */
export function storedRows(tensor: TensorInfo): StoredRows {
  const [columns, rows = 1] = tensor.shape;
  const { blockSize, blockBytes } = ggmlType(tensor.type)!;
  return {
    file: tensor.file,
    tensor: tensor.name,
    offset: tensor.offset,
    rows,
    columns,
    rowBytes: (columns / blockSize) * blockBytes,
    encoding: encodingOf(tensor.type),
  };
}

function encodingOf(type: number): Encoding {
  if (type === F32) return 'F32';
  if (type === F16) return 'F16';
  return type === BF16 ? 'BF16' : { ggml: type };
}
