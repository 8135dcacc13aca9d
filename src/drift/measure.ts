import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { allOf, askWorker } from '../threads/ask.js';
import { ggmlBase } from '../weights/library.js';
import type { FfnPart, FfnWeights } from '../weights/types.js';
import { cosineDrift, type Products } from './cosine.js';
import type { DriftTask } from './worker.js';

/** How far each neuron moved between two models, `[layers * ffn]` each (flat index `layer * ffn + j`). */
export interface Drift {
  layers: number;
  ffn: number;
  /** `1 - cos` of the neuron's row of W_up, of its row of W_gate (undefined without gates), of its column of W_down. */
  up: Float64Array;
  gate?: Float64Array;
  down: Float64Array;
  /** L2 norms in the first model, for the confounder check. */
  norms: { up: Float64Array; gate?: Float64Array; down: Float64Array };
}

const PARTS: readonly FfnPart[] = ['up', 'gate', 'down'];

/**
 * Measures the drift of every neuron between two models of one shape (method.md section 7). Matrix pairs are shared out
 * over worker threads; each reads both files once, in chunks, so memory does not grow with the model.
 * @param base the first model; @param other the one it became
 * @throws UserError for a truncated file, weights that are not finite, or a matrix of zeros; the signal's reason when it is aborted.
 */
export async function measureDrift(
  base: FfnWeights,
  other: FfnWeights,
  options: {
    threads?: number;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<Drift> {
  const { layers, ffn } = base;
  const parts = PARTS.filter((part) => base.matrix(0, part) !== undefined);
  const tasks: { layer: number; part: FfnPart }[] = [];
  for (let layer = 0; layer < layers; layer++) for (const part of parts) tasks.push({ layer, part });

  const size = layers * ffn;
  const drift: Drift = {
    layers,
    ffn,
    up: new Float64Array(size),
    gate: parts.includes('gate') ? new Float64Array(size) : undefined,
    down: new Float64Array(size),
    norms: {
      up: new Float64Array(size),
      gate: parts.includes('gate') ? new Float64Array(size) : undefined,
      down: new Float64Array(size),
    },
  };
  const store = (layer: number, part: FfnPart, products: Products) => {
    drift[part]!.set(cosineDrift(products), layer * ffn);
    drift.norms[part]!.set(products.squareA.map(Math.sqrt), layer * ffn);
  };

  // Held here, the library outlives the workers.
  if (base.quantised || other.quantised) ggmlBase();
  const threads = Math.min(options.threads ?? availableParallelism(), tasks.length);
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] }),
  );
  let next = 0;
  let done = 0;
  try {
    await allOf(
      workers.map(async (worker) => {
        while (next < tasks.length) {
          options.signal?.throwIfAborted();
          const { layer, part } = tasks[next++];
          const into = sharedProducts(ffn);
          const task = { a: base.matrix(layer, part)!, b: other.matrix(layer, part)!, into };
          await askWorker<DriftTask>(worker, task, options.signal).catch((error) => {
            next = tasks.length;
            throw error;
          });
          store(layer, part, into);
          options.onProgress?.(++done, tasks.length);
        }
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return drift;
}

function sharedProducts(ffn: number): Products {
  const floats = () => new Float64Array(new SharedArrayBuffer(8 * ffn));
  return { dot: floats(), squareA: floats(), squareB: floats() };
}
