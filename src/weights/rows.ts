import { readSync } from 'node:fs';
import { allFinite } from '../engine/native/finite.js';
import { UserError } from '../errors.js';
import { decoderOf } from './decode.js';
import type { StoredRows } from './types.js';

/** Reads rows of a stored matrix as float32, a chunk at a time into one buffer that is used again. */
export interface RowReader {
  /** Rows of a chunk, but for the last one. */
  perChunk: number;
  /** Rows `first` to `first + count` as float32 `[count, columns]`; valid until the next call. */
  read(first: number, count: number): Float32Array;
}

const CHUNK_BYTES = 1 << 20;

/** @throws UserError that names the tensor when one of the values that were read or computed from it is NaN or infinite */
export function requireFinite(
  values: Float32Array,
  { file, tensor }: Pick<StoredRows, 'file' | 'tensor'>,
): void {
  if (allFinite(values)) return;
  throw new UserError(
    `${file}: ${tensor} holds values that are not finite (NaN or infinite): the file is damaged; download it again`,
  );
}

/**
 * A reader of rows from an open file. Its memory is one chunk.
 * @param perChunk rows of a chunk; default: as many as make 1 MiB of float32, which stays in the cache
 */
export function rowReader(
  matrix: StoredRows,
  file: number,
  perChunk = Math.max(1, Math.floor(CHUNK_BYTES / (4 * matrix.columns))),
): RowReader {
  const { columns, rowBytes, tensor } = matrix;
  const decode = decoderOf(matrix.encoding, tensor);
  const bytes = Buffer.allocUnsafeSlow(perChunk * rowBytes);
  const values = new Float32Array(perChunk * columns);
  return {
    perChunk,
    read(first, count) {
      const wanted = count * rowBytes;
      const start = matrix.offset + first * rowBytes;
      for (let filled = 0; filled < wanted; ) {
        const read = readSync(file, bytes, filled, wanted - filled, start + filled);
        if (read === 0) throw new UserError(`${matrix.file} ends inside ${tensor}: download it again`);
        filled += read;
      }
      decode(bytes, values, count * columns);
      return values.subarray(0, count * columns);
    },
  };
}
