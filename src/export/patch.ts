import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import type { Place } from './places.js';
import { type Scaler, scalerOf } from './scale.js';

/** What baking alpha into a file changed. */
export interface Patched {
  /** Bytes that belong to the neurons; no other byte of the weights is touched. */
  bytes: number;
  /** Largest relative rounding error of a row (or number), from storing its scales in half precision or the like. */
  rounding: number;
}

/**
 * Multiplies places of a model by alpha on their way into a copy.
 * @param target the copy of the file that the places are in
 * @param shift where the copy's data begin later than the original's, bytes
 */
export function patch(
  places: Iterable<Place>,
  alpha: number,
  target: { descriptor: number; shift: number },
): Patched {
  const sources = new Map<string, number>();
  const scalers = new Map<string, Scaler>();
  const result: Patched = { bytes: 0, rounding: 0 };
  try {
    for (const { matrix, offset, bytes } of places) {
      const { file, tensor, encoding } = matrix;
      if (!sources.has(file)) sources.set(file, openToRead(file));
      if (!scalers.has(tensor)) scalers.set(tensor, scalerOf(encoding, alpha, tensor));
      const data = Buffer.allocUnsafe(bytes);
      readAll(sources.get(file)!, data, offset, file);
      result.rounding = Math.max(result.rounding, scalers.get(tensor)!(data));
      result.bytes += bytes;
      for (let done = 0; done < bytes; ) {
        done += writeSync(target.descriptor, data, done, bytes - done, offset + target.shift + done);
      }
    }
  } finally {
    for (const source of sources.values()) closeSync(source);
  }
  return result;
}

function openToRead(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

function readAll(descriptor: number, data: Buffer, offset: number, file: string): void {
  for (let filled = 0; filled < data.length; ) {
    const read = readSync(descriptor, data, filled, data.length - filled, offset + filled);
    if (read === 0) throw new UserError(`${file} ends too early: download it again`);
    filled += read;
  }
}
