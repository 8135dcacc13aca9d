import { closeSync, openSync } from 'node:fs';
import { rowReader } from './rows.js';
import type { FfnWeights } from './types.js';

/**
 * Columns of W_down: what a neuron adds to the output of its layer for each unit of its activation z.
 * @param neurons flat indices, `layer * ffn + j`
 * @returns a vector `[hidden]` for each of them, in their order
 * @throws UserError when a file ends early or holds a type that cannot be decoded.
 */
export function downColumns(
  weights: Pick<FfnWeights, 'ffn' | 'hidden' | 'matrix'>,
  neurons: ArrayLike<number>,
): Float32Array[] {
  const { ffn, hidden } = weights;
  const columns = Array.from(neurons, () => new Float32Array(hidden));
  const byLayer = new Map<number, { j: number; into: Float32Array }[]>();
  Array.from(neurons).forEach((flat, i) => {
    const layer = Math.floor(flat / ffn);
    const wanted = byLayer.get(layer) ?? [];
    wanted.push({ j: flat % ffn, into: columns[i] });
    byLayer.set(layer, wanted);
  });
  for (const [layer, wanted] of byLayer) {
    const matrix = weights.matrix(layer, 'down')!;
    const file = openSync(matrix.file, 'r');
    try {
      const { perChunk, read } = rowReader(matrix, file);
      for (let first = 0; first < hidden; first += perChunk) {
        const count = Math.min(perChunk, hidden - first);
        const rows = read(first, count);
        for (let row = 0; row < count; row++) {
          for (const { j, into } of wanted) into[first + row] = rows[row * ffn + j];
        }
      }
    } finally {
      closeSync(file);
    }
  }
  return columns;
}
