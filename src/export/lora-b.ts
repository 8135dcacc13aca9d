import { UserError } from '../errors.js';
import { downColumns } from '../weights/columns.js';
import type { FfnWeights } from '../weights/types.js';

/**
 * The B matrix of a layer's adapter: `factor` times the neurons' columns of W_down, row-major `[hidden, rank]`.
 * @param neurons indices within the layer
 * @param rank default: as many as there are neurons; what is beyond them is zero
 * @throws UserError when the file cannot be read, or a product leaves the range of float32
 */
export function loraB(
  weights: FfnWeights,
  layer: number,
  neurons: number[],
  { factor, rank = neurons.length }: { factor: number; rank?: number },
): Float32Array {
  const { ffn, hidden } = weights;
  const columns = downColumns(
    weights,
    neurons.map((j) => layer * ffn + j),
  );
  const out = new Float32Array(hidden * rank);
  columns.forEach((column, k) => {
    for (let i = 0; i < hidden; i++) {
      const value = Math.fround(factor * column[i]);
      if (!Number.isFinite(value)) {
        throw new UserError(
          `neuron ${layer}:${neurons[k]} has a weight of ${column[i].toPrecision(3)} in W_down, and ${factor} times that is no number of float32; ` +
            'take a smaller alpha',
        );
      }
      out[i * rank + k] = value;
    }
  });
  return out;
}
