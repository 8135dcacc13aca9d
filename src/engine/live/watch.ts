import { UserError } from '../../errors.js';
import type { Pointer } from '../native/llama.js';
import type { LoadedModel } from '../native/model.js';
import { norm, tokenScale } from '../read/cett.js';
import { makeTap } from '../read/tap.js';

/** CETT of some neurons at the leading rows of a decode; nothing is heard while no row is wanted. */
export interface Watch {
  readonly neurons: number;
  readonly callback: Pointer;
  /** To be called before each decode: how many leading rows are wanted, of how many, of which so many give logits. */
  expect(wanted: number, rows: number, outputs: number): void;
  /** To be called after it. @throws UserError for an architecture whose graph does not show the neurons */
  check(): void;
  /** CETT `[neurons]` of a wanted row, valid until the next decode. */
  row(row: number): Float32Array;
  free(): void;
}

/**
 * CETT_j = |z_j| * ||W_down[:, j]|| / (||h|| + 1e-8) of the neurons (flat indices) at each wanted row; only the layers that hold
 * them are tapped. Wanted rows come first in the batch and give logits: so they come first in the last layer too, which keeps
 * only rows that do.
 * @param rows most rows that are wanted at once
 */
export function makeWatch(model: LoadedModel, neurons: ArrayLike<number>, rows: number): Watch {
  const { layers, ffn, hidden, architecture } = model.info;
  for (let k = 0; k < neurons.length; k++)
    if (!(Number.isInteger(neurons[k]) && neurons[k] >= 0 && neurons[k] < layers * ffn))
      throw new UserError(`Neuron ${neurons[k]} does not exist: this model has ${layers} layers of ${ffn}`);
  const width = neurons.length;
  const values = new Float32Array(rows * width);
  const bias = model.downBias();
  const norms = model.norms();
  const layersWanted = new Uint8Array(layers);
  /** Places in `neurons` of those in each layer. */
  const places: number[][] = Array.from({ length: layers }, () => []);
  for (let k = 0; k < width; k++) {
    const layer = Math.floor(neurons[k] / ffn);
    layersWanted[layer] = 1;
    places[layer].push(k);
  }
  const tapped = layersWanted.reduce((sum, one) => sum + one, 0);
  let wanted = 0;
  let batch = 0;
  let outputs = 0;
  let heard = 0;
  const tap = makeTap(
    model,
    (layer, z, h, tokens) => {
      if (tokens !== batch && tokens !== outputs)
        throw new Error(`layer ${layer} holds ${tokens} tokens of a batch of ${batch}`);
      heard++;
      const here = places[layer];
      const offset = layer * ffn;
      for (let t = 0; t < wanted; t++) {
        const scale = tokenScale(norm(h, t * hidden, hidden, bias?.[layer]));
        for (let i = 0; i < here.length; i++) {
          const neuron = neurons[here[i]];
          values[t * width + here[i]] = Math.abs(z[t * ffn + neuron - offset]) * scale * norms[neuron];
        }
      }
    },
    undefined,
    { layers: layersWanted, rows: () => wanted },
  );
  return {
    neurons: width,
    callback: tap.callback,
    expect(rowsWanted, rowsInBatch, rowsWithLogits) {
      wanted = rowsWanted;
      batch = rowsInBatch;
      outputs = rowsWithLogits;
      heard = 0;
    },
    check() {
      const { error } = tap;
      tap.error = undefined;
      if (error) throw error;
      if (wanted > 0 && heard !== tapped)
        throw new UserError(
          `The graph of ${architecture} shows the down projection of ${heard} of ${tapped} layers: this architecture cannot be read yet`,
        );
    },
    row: (row) => values.subarray(row * width, (row + 1) * width),
    free: () => tap.free(),
  };
}
