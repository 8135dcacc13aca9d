import { open } from 'node:fs/promises';
import { fileError } from '../formats/file-error.js';

/** Reading this many bytes costs about as much as placing one more read. */
const BYTES_PER_READ = 16384;

/**
 * Some columns of float32 rows of a file, `[rows, columns]`, row after row. Reads whole rows or single values,
 * whichever is cheaper: a row of a large model has millions of columns.
 *
 * @param offsets where each row begins, in bytes
 * @param width columns of a whole row
 */
export async function gatherColumns(
  path: string,
  offsets: ArrayLike<number>,
  width: number,
  columns: ArrayLike<number>,
): Promise<Float32Array> {
  const out = new Float32Array(offsets.length * columns.length);
  const whole = columns.length * BYTES_PER_READ > width * 4;
  const buffer = Buffer.alloc(whole ? width * 4 : 4);
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    for (let row = 0; row < offsets.length; row++) {
      const at = row * columns.length;
      if (whole) await file.read(buffer, 0, buffer.length, offsets[row]);
      for (let i = 0; i < columns.length; i++) {
        if (!whole) await file.read(buffer, 0, 4, offsets[row] + columns[i] * 4);
        out[at + i] = buffer.readFloatLE(whole ? columns[i] * 4 : 0);
      }
    }
    return out;
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

/** `intercept + sum of weight * value` for each row of `[rows, weights.length]`. */
export function linearScores(
  values: Float32Array,
  weights: ArrayLike<number>,
  intercept: number,
  rows: number,
): Float64Array {
  const scores = new Float64Array(rows).fill(intercept);
  const { length } = weights;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < length; i++) scores[row] += weights[i] * values[row * length + i];
  }
  return scores;
}
