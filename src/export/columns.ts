import { closeSync, openSync } from 'node:fs';
import { fileError } from '../formats/file-error.js';
import { rowReader } from '../weights/rows.js';
import type { FfnWeights } from '../weights/types.js';

/**
 * Columns J of one layer's W_down as float32, row-major `[hidden, J.length]`, from any file format. One chunk of the matrix is in
 * memory at a time.
 * @throws UserError when the file cannot be read
 */
export function downColumns(weights: FfnWeights, layer: number, wanted: number[]): Float32Array {
  const down = weights.matrix(layer, 'down')!;
  const { hidden } = weights;
  const rank = wanted.length;
  const out = new Float32Array(hidden * rank);
  let file: number;
  try {
    file = openSync(down.file, 'r');
  } catch (error) {
    throw fileError(error, 'read', down.file);
  }
  try {
    if (down.neurons === 'rows') {
      const reader = rowReader(down, file, 1);
      wanted.forEach((j, k) => {
        const row = reader.read(j, 1);
        for (let i = 0; i < hidden; i++) out[i * rank + k] = row[i];
      });
      return out;
    }
    const reader = rowReader(down, file);
    for (let first = 0; first < hidden; first += reader.perChunk) {
      const count = Math.min(reader.perChunk, hidden - first);
      const values = reader.read(first, count);
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < rank; k++) out[(first + i) * rank + k] = values[i * down.columns + wanted[k]];
      }
    }
    return out;
  } finally {
    closeSync(file);
  }
}
