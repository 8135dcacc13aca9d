import { ggmlType } from '../engine/gguf/ggml-types.js';
import { UserError } from '../errors.js';
import type { FfnWeights, StoredMatrix } from '../weights/types.js';

/** Bytes of a model file that belong to one neuron and nothing else. */
export interface Place {
  matrix: StoredMatrix;
  offset: number;
  bytes: number;
}

/**
 * What to multiply by alpha so that z_j is: row j of W_up and its bias where z_j is proportional to them. Else (no gate) column j of
 * W_down, which is as good, but crosses the blocks of a quantised matrix.
 * @param neurons indices within each layer
 * @throws UserError where only W_down is left, and it is quantised
 */
export function* places(weights: FfnWeights, neurons: Map<number, number[]>): Generator<Place> {
  for (const [layer, wanted] of neurons) {
    if (!weights.linearUp) {
      const down = weights.matrix(layer, 'down')!;
      yield* down.neurons === 'rows' ? rows(down, wanted) : columns(weights, down, wanted);
      continue;
    }
    yield* rows(weights.matrix(layer, 'up')!, wanted);
    const bias = weights.upBias(layer);
    if (bias) yield* rows(bias, wanted);
  }
}

/** In words, what {@link places} gives. */
export function describePlaces(weights: FfnWeights): string {
  return weights.linearUp ? 'rows of W_up multiplied by alpha' : 'columns of W_down multiplied by alpha';
}

function* rows(matrix: StoredMatrix, wanted: number[]): Generator<Place> {
  const { offset, rowBytes } = matrix;
  for (const j of wanted) yield { matrix, offset: offset + j * rowBytes, bytes: rowBytes };
}

function* columns(weights: FfnWeights, down: StoredMatrix, wanted: number[]): Generator<Place> {
  const { encoding, offset, rowBytes, rows } = down;
  if (typeof encoding === 'object') {
    throw new UserError(
      `${weights.path}: in a ${weights.architecture} model alpha can only be baked into the columns of W_down, and ${down.tensor} is stored as ` +
        `${ggmlType(encoding.ggml)?.name}, whose blocks hold several columns; use --as gguf-lora, or an F32, F16 or BF16 file`,
    );
  }
  const size = encoding === 'F32' ? 4 : 2;
  for (let row = 0; row < rows; row++) {
    for (const j of wanted) yield { matrix: down, offset: offset + row * rowBytes + j * size, bytes: size };
  }
}
