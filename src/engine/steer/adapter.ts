import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import type { Pointer } from '../native/llama.js';
import type { LoadedModel } from '../native/model.js';
import { columns } from '../native/weights.js';
import type { Steering } from '../types.js';
import { neuronsByLayer, writeAdapterFile } from './adapter-file.js';

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
