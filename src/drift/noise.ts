import { closeSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { median } from 'simple-statistics';
import { derive, type Random, uniform } from '../stats/random.js';
import { decoderOf } from '../weights/decode.js';
import { quantiserOf } from '../weights/quantise.js';
import { rowReader } from '../weights/rows.js';
import type { FfnPart, FfnWeights, StoredMatrix } from '../weights/types.js';
import { addProducts, cosineDrift } from './cosine.js';

/** What rounding alone does to the drift of one kind of matrix. */
export interface NoiseFloor {
  part: FfnPart;
  /** Median `1 - cos` between weights and their quantised form in each file; 0 where it is not quantised, null where unknown. */
  base: number | null;
  instruct: number | null;
}

/** Matrices that the estimate looks at: the first, a middle, and the last layer. */
const LAYERS_LOOKED_AT = 3;
/** Weights are moved by this part of their row's size, so that they leave the grid that they are on. */
const DITHER = 0.3;

/**
 * Estimates how much of a drift can be rounding. The weights before quantisation are gone, so their like is made: the
 * weights of the file with Gaussian noise added are quantised again in the same format, and the angle between the two is
 * what that format does to such weights. Where both files hold the same weights in the same format, rounding
 * repeats itself and the true floor is lower.
 */
export async function noiseFloors(
  base: FfnWeights,
  instruct: FfnWeights,
  seed: number,
): Promise<NoiseFloor[]> {
  const parts = (['up', 'gate', 'down'] as const).filter((part) => base.matrix(0, part) !== undefined);
  const floors: NoiseFloor[] = [];
  for (const part of parts) {
    floors.push({
      part,
      base: await floorOf(base, part, derive(seed, 'noise', 'base', part)),
      instruct: await floorOf(instruct, part, derive(seed, 'noise', 'instruct', part)),
    });
  }
  return floors;
}

async function floorOf(weights: FfnWeights, part: FfnPart, random: Random): Promise<number | null> {
  const last = weights.layers - 1;
  const looked = new Set(
    Array.from({ length: LAYERS_LOOKED_AT }, (_, i) => Math.round((i * last) / (LAYERS_LOOKED_AT - 1))),
  );
  const angles: number[] = [];
  for (const layer of looked) {
    const matrix = weights.matrix(layer, part)!;
    const found = matrixNoise(matrix, weights.ffn, random);
    if (found === undefined) return null;
    for (const angle of found) angles.push(angle);
    await setImmediate();
  }
  return median(angles);
}

/** `1 - cos` of each neuron between dithered weights and their quantised form; undefined where the format cannot be made. */
function matrixNoise(matrix: StoredMatrix, ffn: number, random: Random): Float64Array | undefined {
  const { encoding, columns, tensor } = matrix;
  if (typeof encoding !== 'object') return new Float64Array(ffn);
  const quantise = quantiserOf(encoding.ggml);
  if (!quantise) return undefined;
  const decode = decoderOf(encoding, tensor);
  const file = openSync(matrix.file, 'r');
  try {
    const reader = rowReader(matrix, file);
    const back = new Float32Array(reader.perChunk * columns);
    const products = {
      dot: new Float64Array(ffn),
      squareA: new Float64Array(ffn),
      squareB: new Float64Array(ffn),
    };
    for (let first = 0; first < matrix.rows; first += reader.perChunk) {
      const count = Math.min(reader.perChunk, matrix.rows - first);
      const values = reader.read(first, count);
      dither(values, columns, random);
      decode(quantise(values, count, columns), back, count * columns);
      addProducts(matrix.neurons, values, back, first, count, columns, products);
    }
    return cosineDrift(products);
  } finally {
    closeSync(file);
  }
}

function dither(values: Float32Array, width: number, random: Random): void {
  for (let start = 0; start < values.length; start += width) {
    let squares = 0;
    for (let at = start; at < start + width; at++) squares += values[at] ** 2;
    const scale = DITHER * Math.sqrt(squares / width);
    for (let at = start; at < start + width; at += 2) {
      const radius = scale * Math.sqrt(-2 * Math.log(1 - uniform(random)));
      const angle = 2 * Math.PI * uniform(random);
      values[at] += radius * Math.cos(angle);
      if (at + 1 < start + width) values[at + 1] += radius * Math.sin(angle);
    }
  }
}
