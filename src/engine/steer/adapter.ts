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

/** An adapter that is kept loaded until it is released; the plain model where there is nothing to steer. */
export interface HeldSteering {
  /** Equal for equal steerings; '' for the plain model. */
  key: string;
  /** Sets it on a context, in place of what was set before. */
  set(context: Pointer): void;
  /** To be called once, after all contexts that it was set on are freed or set otherwise. */
  release(): void;
}

/** Adapters of one process: made at first use; those in use and a few more are kept. */
export interface Steerer {
  /** @throws UserError for a neuron that does not exist, or an alpha that is no number */
  hold(steering: Steering | undefined): Promise<HeldSteering>;
}

interface Adapter {
  pointer: Promise<Pointer>;
  users: number;
}

/** Adapters without a user that stay loaded. */
const IDLE_ADAPTERS = 8;

/** Equal for steerings that are the same whatever the order of their neurons; '' where they leave the model as it is. */
export function steeringKey(steering: Steering | undefined): string {
  if (!steering || steering.alpha === 1 || steering.neurons.length === 0) return '';
  return `${steering.alpha}:${neuronKey(steering.neurons)}`;
}

const neuronKey = (neurons: ArrayLike<number>) =>
  [...new Set(Array.from(neurons))].sort((a, b) => a - b).join();

export function makeSteerer(model: LoadedModel): Steerer {
  /** By neurons, least recently used first. */
  const adapters = new Map<string, Adapter>();
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
  const dropIdle = async () => {
    const idle = [...adapters].filter(([, { users }]) => users === 0);
    for (const [key, { pointer }] of idle.slice(0, Math.max(0, idle.length - IDLE_ADAPTERS))) {
      adapters.delete(key);
      llama.adapterFree(await pointer);
    }
  };
  return {
    async hold(steering) {
      const key = steeringKey(steering);
      if (key === '')
        return { key, set: (context) => llama.adaptersSet(context, null, 0, null), release: () => {} };
      const { alpha, neurons } = steering!;
      if (!Number.isFinite(alpha)) throw new UserError(`alpha must be a number, not ${alpha}`);
      const name = neuronKey(neurons);
      const adapter = adapters.get(name) ?? { pointer: load(neurons), users: 0 };
      adapters.delete(name);
      adapters.set(name, adapter);
      adapter.users++;
      let pointer: Pointer;
      try {
        pointer = await adapter.pointer;
      } catch (error) {
        if (adapters.get(name) === adapter) adapters.delete(name);
        throw error;
      }
      return {
        key,
        set(context) {
          const status: number = llama.adaptersSet(context, [pointer], 1, new Float32Array([alpha - 1]));
          if (status !== 0)
            throw new UserError('llama.cpp could not set the adapter that scales the neurons');
        },
        release() {
          adapter.users--;
          void dropIdle();
        },
      };
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
