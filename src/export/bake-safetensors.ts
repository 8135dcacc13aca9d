import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { neuronsByLayer } from '../engine/steer/adapter-file.js';
import { checkAlpha } from '../engine/steer/alpha.js';
import { UserError } from '../errors.js';
import { copyAtomicWith, writeFolderAtomic } from '../formats/atomic.js';
import { type Detector, requireHNeurons } from '../pipeline/detector.js';
import { checkpointFolder, checkpointTensors } from '../weights/checkpoint-files.js';
import { openSafetensorsWeights } from '../weights/safetensors.js';
import type { Baked } from './bake-gguf.js';
import { patch } from './patch.js';
import { describePlaces, places } from './places.js';
import { RECORD_FILE, recordOf, writeRecord } from './record.js';

/** Weights in another form than the one that is baked: in the copy they would be those of the plain model. */
const OTHER_WEIGHTS = /\.(safetensors|bin|pt|pth|ckpt|gguf|h5|msgpack|onnx|ot)$|\.index\.json$/i;

/**
 * Writes a copy of a safetensors checkpoint (F32, F16 or BF16; one file or shards) in which the H-Neurons are multiplied by alpha for
 * good: a folder with config, tokenizer and so on, as they are. Of the weights only the bytes of those neurons differ.
 * @returns the files of weights that were written, relative to `out`
 * @throws UserError for a checkpoint that was baked before, another layout than is known, an alpha that is too large for its type, or a
 *   file that cannot be written
 */
export async function bakeSafetensors(options: {
  checkpoint: string;
  detector: Detector;
  alpha: number;
  out: string;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}): Promise<Baked> {
  const { checkpoint, detector, alpha, out, signal } = options;
  checkAlpha(alpha);
  const weights = await openSafetensorsWeights(checkpoint);
  const source = checkpointFolder(checkpoint);
  if (existsSync(join(source, RECORD_FILE))) {
    throw new UserError(`${checkpoint} has an alpha baked in already; take the original checkpoint`);
  }
  const tensors = await checkpointTensors(checkpoint);
  const shards = [...new Set([...tensors.values()].map(({ file }) => file))].sort();
  const chosen = [...places(weights, neuronsByLayer(requireHNeurons(detector), weights))];
  const method = describePlaces(weights);
  const baked: Baked = { files: shards.map((file) => basename(file)), method, bytes: 0, rounding: 0 };
  const others = readdirSync(source).filter(
    (name) => statSync(join(source, name)).isFile() && (!OTHER_WEIGHTS.test(name) || isIndexOf(name, shards)),
  );
  await writeFolderAtomic(out, async (folder) => {
    for (const name of others) await copyAtomicWith(join(source, name), join(folder, name), () => {});
    for (const [i, shard] of shards.entries()) {
      options.onProgress?.(i, shards.length);
      signal?.throwIfAborted();
      await copyAtomicWith(shard, join(folder, basename(shard)), (file) => {
        const here = chosen.filter(({ matrix }) => matrix.file === shard);
        const patched = patch(here, alpha, { descriptor: file.fd, shift: 0 });
        baked.bytes += patched.bytes;
        baked.rounding = Math.max(baked.rounding, patched.rounding);
      });
    }
    signal?.throwIfAborted();
    await writeRecord(folder, recordOf(detector, alpha, method));
  });
  return baked;
}

/** Whether a file is the index of shards (and not that of the same weights in another form). */
function isIndexOf(name: string, shards: string[]): boolean {
  return shards.length > 1 && /\.safetensors\.index\.json$/i.test(name);
}
