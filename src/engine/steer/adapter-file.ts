import { UserError } from '../../errors.js';
import { F32 } from '../gguf/ggml-types.js';
import type { GgufValue } from '../gguf/types.js';
import { float32, string } from '../gguf/values.js';
import { type TensorSource, writeGguf } from '../gguf/write.js';

/** Neurons of one layer, ascending, with their columns of W_down, row-major `[hidden, neurons.length]`. */
export interface AdapterLayer {
  layer: number;
  neurons: number[];
  columns: Float32Array;
}

/**
 * Writes the intervention "z_j times alpha" as a LoRA adapter of W_down in llama.cpp's format: h + s * W_down[:, J] z_J, so
 * `lora_a` selects the neurons, `lora_b` holds their columns, and the scale s to set at run time is alpha - 1 (`adapter.lora.alpha`
 * = 0 makes llama.cpp take the scale as it is).
 * @param more metadata besides what llama.cpp reads
 * @throws UserError when the file cannot be written
 */
export async function writeAdapterFile(
  path: string,
  { architecture, ffn, hidden }: { architecture: string; ffn: number; hidden: number },
  layers: AdapterLayer[],
  more: [string, GgufValue][] = [],
): Promise<void> {
  const tensors = layers.flatMap(({ layer, neurons, columns }): TensorSource[] => {
    const name = `blk.${layer}.ffn_down.weight`;
    const rank = neurons.length;
    return [
      { name: `${name}.lora_a`, shape: [ffn, rank], type: F32, data: bytesOf(selection(neurons, ffn)) },
      { name: `${name}.lora_b`, shape: [rank, hidden], type: F32, data: bytesOf(columns) },
    ];
  });
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', string(architecture)],
    ['general.type', string('adapter')],
    ['adapter.type', string('lora')],
    ['adapter.lora.alpha', float32(0)],
    ...more,
  ]);
  await writeGguf(path, { metadata, tensors });
}

/**
 * Flat indices (`layer * ffn + j`) as lists for each layer, ascending, each neuron once.
 * @throws UserError for a neuron that the model does not have
 */
export function neuronsByLayer(
  neurons: ArrayLike<number>,
  { layers, ffn }: { layers: number; ffn: number },
): Map<number, number[]> {
  const map = new Map<number, number[]>();
  for (const neuron of [...new Set(Array.from(neurons))].sort((a, b) => a - b)) {
    if (!(Number.isInteger(neuron) && neuron >= 0 && neuron < layers * ffn))
      throw new UserError(`Neuron ${neuron} does not exist: this model has ${layers} layers of ${ffn}`);
    const layer = Math.floor(neuron / ffn);
    const list = map.get(layer) ?? [];
    list.push(neuron - layer * ffn);
    map.set(layer, list);
  }
  return map;
}

/**
 * Rows that pick neurons out of z, row-major `[rank, ffn]`; rows beyond the neurons are zero.
 * @param rank default: as many as there are neurons
 */
export function selection(neurons: number[], ffn: number, rank = neurons.length): Float32Array {
  const rows = new Float32Array(rank * ffn);
  neurons.forEach((j, k) => {
    rows[k * ffn + j] = 1;
  });
  return rows;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
