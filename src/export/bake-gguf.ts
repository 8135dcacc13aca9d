import { type FileHandle, open, rm } from 'node:fs/promises';
import { readGguf } from '../engine/gguf/read.js';
import { stringAt } from '../engine/gguf/values.js';
import { neuronsByLayer } from '../engine/steer/adapter-file.js';
import { checkAlpha } from '../engine/steer/alpha.js';
import { UserError } from '../errors.js';
import { copyAtomicWith, writeAtomicWith } from '../formats/atomic.js';
import { fileError } from '../formats/file-error.js';
import { type Detector, requireHNeurons } from '../pipeline/detector.js';
import { openGgufWeights } from '../weights/gguf.js';
import { withText } from './header.js';
import { type Patched, patch } from './patch.js';
import { describePlaces, type Place, places } from './places.js';
import { RECORD_KEY, recordOf } from './record.js';
import { SHARED_BLOCK, shareRange } from './share-range.js';

const CHUNK_BYTES = 4 << 20;
/** Where nothing can be shared, the kernel copies: in pieces, for the progress to be seen. */
const SHARED_AT_ONCE = 64 << 20;

export interface Baked extends Patched {
  files: string[];
  method: string;
}

/**
 * Writes a copy of a GGUF model in which the H-Neurons are multiplied by alpha for good. Of the weights only the bytes of those neurons
 * differ; the metadata get a record of what was done, which moves the data on as a whole. A split model gives as many files, the
 * first of them last, so that no half model is ever found under the name.
 * @returns the files written, in order
 * @throws UserError for a model that was baked before, an encoding or layout in which it cannot be done, an alpha that is too large for it,
 *   or a file that cannot be written
 */
export async function bakeGguf(options: {
  model: string;
  detector: Detector;
  alpha: number;
  out: string;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}): Promise<Baked> {
  const { model, detector, alpha, out } = options;
  checkAlpha(alpha);
  const gguf = await readGguf(model);
  if (stringAt(gguf.metadata, RECORD_KEY) !== undefined) {
    throw new UserError(`${model} has an alpha baked in already; take the original file`);
  }
  const weights = await openGgufWeights(model);
  const chosen = [...places(weights, neuronsByLayer(requireHNeurons(detector), weights))];
  const method = describePlaces(weights);
  const record = JSON.stringify(recordOf(detector, alpha, method));
  const files = bakedFiles(out, gguf.files.length);
  const baked: Baked = { files, method, bytes: 0, rounding: 0 };
  const write = (source: string, file: FileHandle, shift: number) => {
    const patched = patch(ofFile(chosen, source), alpha, { descriptor: file.fd, shift });
    baked.bytes += patched.bytes;
    baked.rounding = Math.max(baked.rounding, patched.rounding);
  };
  const written: string[] = [];
  try {
    for (let part = gguf.files.length - 1; part > 0; part--) {
      const source = gguf.files[part];
      await copyAtomicWith(source, files[part], (file) => write(source, file, 0));
      written.push(files[part]);
      options.signal?.throwIfAborted();
    }
    await writeAtomicWith(files[0], async (file) => {
      const source = await open(model, 'r').catch((error) => {
        throw fileError(error, 'read', model);
      });
      try {
        const { dataOffset, alignment, fileSize } = gguf;
        const header = Buffer.alloc(dataOffset);
        await source.read(header, 0, dataOffset, 0);
        const longer = withText(header, alignment, RECORD_KEY, record);
        await file.write(longer);
        const shift = longer.length - dataOffset;
        await copyRange(source, file, { from: dataOffset, to: fileSize, shift, ...options });
        write(model, file, shift);
      } finally {
        await source.close();
      }
    });
  } catch (error) {
    for (const file of written) await rm(file, { force: true }).catch(() => {});
    throw error;
  }
  return baked;
}

/** The names of the files that {@link bakeGguf} writes: those that llama.cpp wants of a split model. */
export function bakedFiles(out: string, parts: number): string[] {
  if (parts === 1) return [out];
  const stem = out.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
  const pad = (n: number) => String(n).padStart(5, '0');
  return Array.from({ length: parts }, (_, i) => `${stem}-${pad(i + 1)}-of-${pad(parts)}.gguf`);
}

function ofFile(all: Place[], file: string): Place[] {
  return all.filter(({ matrix }) => matrix.file === file);
}

async function copyRange(
  source: FileHandle,
  target: FileHandle,
  range: {
    from: number;
    to: number;
    shift: number;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  },
): Promise<void> {
  const { from, to, shift, signal, onProgress } = range;
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, to - from)));
  let canShare = true;
  for (let at = from; at < to; ) {
    signal?.throwIfAborted();
    // The first step ends at a block of the file system; what follows can be shared.
    const toBlock = at % SHARED_BLOCK === 0 ? 0 : SHARED_BLOCK - (at % SHARED_BLOCK);
    if (canShare && toBlock === 0) {
      const shared = shareRange(
        { descriptor: source.fd, offset: at },
        { descriptor: target.fd, offset: at + shift },
        Math.min(SHARED_AT_ONCE, to - at),
      );
      canShare = shared > 0;
      at += shared;
    } else {
      const wanted = Math.min(toBlock || buffer.length, to - at);
      const { bytesRead } = await source.read(buffer, 0, wanted, at);
      if (bytesRead === 0)
        throw new UserError('the model file became shorter while it was copied; try again');
      for (let done = 0; done < bytesRead; ) {
        done += (await target.write(buffer, done, bytesRead - done, at + shift + done)).bytesWritten;
      }
      at += bytesRead;
    }
    onProgress?.(at - from, to - from);
  }
}
