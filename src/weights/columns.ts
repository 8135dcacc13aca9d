import { closeSync, openSync } from 'node:fs';
import { fileError } from '../formats/file-error.js';
import { type RowReader, requireFinite, rowReader } from './rows.js';
import type { FfnWeights, StoredMatrix } from './types.js';

/** A neuron of a layer, and where its column of W_down goes. */
interface Wanted {
  j: number;
  into: Float32Array;
}

/**
 * Columns of W_down as float32, from any file format: what a neuron adds to the output of its layer for each unit of its activation z. One
 * chunk of a matrix is in memory at a time.
 * @param neurons flat indices, `layer * ffn + j`
 * @returns a vector `[hidden]` for each of them, in their order
 * @throws UserError when a file cannot be opened, ends early, or holds a type that cannot be decoded, or numbers that are not finite.
 */
export function downColumns(
  weights: Pick<FfnWeights, 'ffn' | 'hidden' | 'matrix'>,
  neurons: ArrayLike<number>,
): Float32Array[] {
  const { ffn, hidden } = weights;
  const columns = Array.from(neurons, () => new Float32Array(hidden));
  const byLayer = new Map<number, Wanted[]>();
  Array.from(neurons).forEach((flat, i) => {
    const layer = Math.floor(flat / ffn);
    const wanted = byLayer.get(layer) ?? [];
    wanted.push({ j: flat % ffn, into: columns[i] });
    byLayer.set(layer, wanted);
  });
  for (const [layer, wanted] of byLayer) {
    const matrix = weights.matrix(layer, 'down')!;
    const file = openToRead(matrix);
    try {
      // GPT-2's checkpoints keep a neuron's column as a row.
      if (matrix.neurons === 'rows') copyRows(rowReader(matrix, file, 1), wanted);
      else gather(rowReader(matrix, file), matrix, wanted);
      for (const { into } of wanted) requireFinite(into, matrix);
    } finally {
      closeSync(file);
    }
  }
  return columns;
}

function copyRows(reader: RowReader, wanted: Wanted[]): void {
  for (const { j, into } of wanted) into.set(reader.read(j, 1));
}

function gather({ perChunk, read }: RowReader, { rows, columns }: StoredMatrix, wanted: Wanted[]): void {
  for (let first = 0; first < rows; first += perChunk) {
    const count = Math.min(perChunk, rows - first);
    const values = read(first, count);
    for (let row = 0; row < count; row++) {
      for (const { j, into } of wanted) into[first + row] = values[row * columns + j];
    }
  }
}

function openToRead({ file }: StoredMatrix): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}
