import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import { fileError } from '../../formats/file-error.js';
import type { Pointer } from '../native/llama.js';
import type { LoadedModel } from '../native/model.js';
import { columns } from '../native/weights.js';
import type { Steering } from '../types.js';
import { neuronsByLayer, writeAdapterFile } from './adapter-file.js';
import { checkAlpha } from './alpha.js';

/**
 * Writes the adapter of {@link writeAdapterFile} for neurons of a loaded model.
 * @param neurons flat indices, `layer * ffn + j`
 */
async function writeAdapter(model: LoadedModel, neurons: ArrayLike<number>, path: string): Promise<void> {
  const layers = [...neuronsByLayer(neurons, model.info)].map(([layer, wanted]) => ({
    layer,
    neurons: wanted,
    columns: columns(model.llama, model.down(layer), wanted),
  }));
  await writeAdapterFile(path, model.info, layers);
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
  /** @throws UserError for a neuron that does not exist, or an alpha that {@link checkAlpha} refuses */
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
    const folder = await mkdtemp(join(tmpdir(), 'hneurons-')).catch((error) => {
      throw fileError(error, 'write to the temporary folder (TMPDIR)', tmpdir());
    });
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
      checkAlpha(alpha);
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
