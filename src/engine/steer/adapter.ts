import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { F32 } from '../gguf/ggml-types.js';
import type { GgufValue } from '../gguf/types.js';
import { float32, string } from '../gguf/values.js';
import { type TensorSource, writeGguf } from '../gguf/write.js';
import type { Pointer } from '../native/llama.js';
import type { LoadedModel } from '../native/model.js';
import { columns } from '../native/weights.js';
import type { Steering } from '../types.js';

/**
 * Writes the intervention "z_j times alpha" for a set of neurons as a LoRA adapter of W_down:
 * h + (alpha - 1) * W_down[:, J] z_J, so `lora_a` selects the neurons, `lora_b` holds their columns, and the scale to
 * set at run time is alpha - 1 (`adapter.lora.alpha` = 0 makes llama.cpp take the scale as it is).
 * @param neurons flat indices, `layer * ffn + j`
 */
export async function writeAdapter(
  model: LoadedModel,
  neurons: ArrayLike<number>,
  path: string,
): Promise<void> {
  const { ffn, hidden, architecture } = model.info;
  const tensors: TensorSource[] = [];
  for (const [layer, wanted] of byLayer(model, neurons)) {
    const name = `blk.${layer}.ffn_down.weight`;
    const select = new Float32Array(wanted.length * ffn);
    wanted.forEach((j, k) => {
      select[k * ffn + j] = 1;
    });
    const chosen = columns(model.llama, model.down(layer), wanted);
    tensors.push(
      { name: `${name}.lora_a`, shape: [ffn, wanted.length], type: F32, data: bytesOf(select) },
      { name: `${name}.lora_b`, shape: [wanted.length, hidden], type: F32, data: bytesOf(chosen) },
    );
  }
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', string(architecture)],
    ['general.type', string('adapter')],
    ['adapter.type', string('lora')],
    ['adapter.lora.alpha', float32(0)],
  ]);
  await writeGguf(path, { metadata, tensors });
}

/** Adapters of one process, made at first use and kept. */
export interface Steerer {
  /** Sets alpha for these neurons on a context; without steering, or with alpha 1, the plain model. */
  apply(context: Pointer, steering: Steering | undefined): Promise<void>;
}

export function makeSteerer(model: LoadedModel): Steerer {
  const adapters = new Map<string, Pointer>();
  const { llama } = model;
  const load = async (neurons: ArrayLike<number>): Promise<Pointer> => {
    const folder = await mkdtemp(join(tmpdir(), 'hneurons-'));
    try {
      const path = join(folder, 'adapter.gguf');
      await writeAdapter(model, neurons, path);
      const adapter: Pointer | null = llama.adapterLoad(model.pointer, path);
      if (!adapter) throw new UserError('llama.cpp refused the adapter that scales the neurons');
      return adapter;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return {
    async apply(context, steering) {
      if (!steering || steering.alpha === 1 || steering.neurons.length === 0) {
        llama.adaptersSet(context, null, 0, null);
        return;
      }
      if (!Number.isFinite(steering.alpha))
        throw new UserError(`alpha must be a number, not ${steering.alpha}`);
      const key = Array.from(steering.neurons).join();
      let adapter = adapters.get(key);
      if (adapter === undefined) {
        adapter = await load(steering.neurons);
        adapters.set(key, adapter);
      }
      const status: number = llama.adaptersSet(context, [adapter], 1, new Float32Array([steering.alpha - 1]));
      if (status !== 0) throw new UserError('llama.cpp could not set the adapter that scales the neurons');
    },
  };
}

function byLayer(model: LoadedModel, neurons: ArrayLike<number>): Map<number, number[]> {
  const { layers, ffn } = model.info;
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

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
