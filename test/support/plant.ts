import { closeSync, openSync, writeSync } from 'node:fs';
import { createSafetensors } from '../../src/formats/safetensors.js';
import { derive, uniform } from '../../src/stats/random.js';
import { rowReader } from '../../src/weights/rows.js';
import type { FfnPart, FfnWeights } from '../../src/weights/types.js';

const NAMES: Record<FfnPart, string> = { up: 'up_proj', gate: 'gate_proj', down: 'down_proj' };
const PARTS = ['up', 'gate', 'down'] as const;

/**
 * Writes the FFN matrices of a model as a float32 checkpoint in which every neuron is moved by a known amount: noise of
 * `amount(j)` times the size of its weights (flat index j).
 */
export async function plantDrift(
  source: FfnWeights,
  path: string,
  amount: (neuron: number) => number,
): Promise<void> {
  const shapes: Record<string, { shape: number[] }> = {};
  for (let layer = 0; layer < source.layers; layer++) {
    for (const part of PARTS) {
      const { rows, columns } = source.matrix(layer, part)!;
      shapes[`model.layers.${layer}.mlp.${NAMES[part]}.weight`] = { shape: [rows, columns] };
    }
  }
  const writer = await createSafetensors(path, shapes);
  writer.close();
  const out = openSync(path, 'r+');
  for (let layer = 0; layer < source.layers; layer++) {
    for (const part of PARTS) {
      const matrix = source.matrix(layer, part)!;
      const { offset } = writer.tensors.get(`model.layers.${layer}.mlp.${NAMES[part]}.weight`)!;
      const file = openSync(matrix.file, 'r');
      const reader = rowReader(matrix, file);
      const random = derive(layer, 'plant', part);
      const amounts = Float64Array.from({ length: source.ffn }, (_, j) => amount(layer * source.ffn + j));
      for (let first = 0; first < matrix.rows; first += reader.perChunk) {
        const count = Math.min(reader.perChunk, matrix.rows - first);
        const values = reader.read(first, count);
        // Uniform noise of the weights' own size; the generator repeats its 4,096 numbers, which no statistic sees.
        const noise = Float32Array.from({ length: 4096 }, () => 0.2 * (uniform(random) - 0.5));
        for (let row = 0; row < count; row++) {
          for (let j = 0, at = row * matrix.columns; j < matrix.columns; j++, at++) {
            values[at] += amounts[part === 'down' ? j : first + row] * noise[(at * 31 + row) & 4095];
          }
        }
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        writeSync(out, bytes, 0, bytes.length, offset + first * matrix.columns * 4);
      }
      closeSync(file);
    }
  }
  closeSync(out);
}
