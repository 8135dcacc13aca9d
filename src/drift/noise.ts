import { closeSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { median } from 'simple-statistics';
import { choose, derive, int, type Random, uniform } from '../stats/random.js';
import { roundingOf } from '../weights/rounding.js';
import { rowReader } from '../weights/rows.js';
import type { FfnPart, FfnWeights, StoredMatrix } from '../weights/types.js';
import { addProducts, cosineDrift } from './cosine.js';

/** What rounding alone does to the drift of one kind of matrix. */
export interface NoiseFloor {
  part: FfnPart;
  /** Median `1 - cos` between weights and what their format makes of them, in each file; 0 for float32, null where unknown. */
  base: number | null;
  instruct: number | null;
  /** The median of each layer, `[layers]`, of both files together, as far as it is known: formats may be mixed over the layers. */
  layers: number[];
}

/** Rows of each matrix that are looked at. Where neurons are columns, so many weights stand for the whole of each neuron. */
const ROWS = { rows: 16, columns: 32 };
/** Of such rows a stretch of so many neurons: a whole number of blocks in every format, which are rounded each for itself. */
const STRETCH = 512;
/** Weights are moved by this part of their row's size, so that they leave the grid that they are on. */
const DITHER = 0.3;

/**
 * Estimates how much of a drift can be rounding. The weights before rounding are gone, so their like is made: a few random
 * rows of every matrix with Gaussian noise added are rounded again to the format of that matrix (a block format, F16 or BF16), and the
 * angle between the two is what that format does to such weights. Where both files hold the same weights in the same
 * format, rounding repeats itself and the true floor is lower.
 * @returns one floor for each kind of matrix that the models have
 * @throws UserError for a truncated file; the signal's reason when it is aborted.
 */
export async function noiseFloors(
  base: FfnWeights,
  instruct: FfnWeights,
  {
    seed,
    signal,
    onProgress,
  }: { seed: number; signal?: AbortSignal; onProgress?: (layersDone: number) => void },
): Promise<NoiseFloor[]> {
  const parts = (['up', 'gate', 'down'] as const).filter((part) => base.matrix(0, part) !== undefined);
  const found = parts.map((part) => ({
    part,
    base: { weights: base, random: derive(seed, 'noise', 'base', part), angles: [] as Angles[] },
    instruct: { weights: instruct, random: derive(seed, 'noise', 'instruct', part), angles: [] as Angles[] },
  }));
  for (let layer = 0; layer < base.layers; layer++) {
    for (const { part, ...files } of found) {
      for (const { weights, random, angles } of [files.base, files.instruct]) {
        angles.push(matrixNoise(weights.matrix(layer, part)!, random));
      }
      // Lets Ctrl-C and the progress view have their turn.
      await setImmediate();
      signal?.throwIfAborted();
    }
    onProgress?.(layer + 1);
  }
  return found.map(({ part, ...files }) => ({
    part,
    base: overall(files.base.angles),
    instruct: overall(files.instruct.angles),
    layers: files.base.angles.map((own, layer) => middle(own) + middle(files.instruct.angles[layer])),
  }));
}

/** `1 - cos` of each neuron that was looked at; null where the format cannot be made. */
type Angles = Float64Array | null;

function overall(layers: Angles[]): number | null {
  const known = layers.filter((angles) => angles !== null);
  return known.length < layers.length ? null : median(known.flatMap((angles) => Array.from(angles)));
}

function middle(angles: Angles): number {
  return angles === null ? 0 : median(Array.from(angles));
}

function matrixNoise(matrix: StoredMatrix, random: Random): Angles {
  const { neurons, encoding } = matrix;
  const round = roundingOf(encoding, matrix.tensor);
  if (!round) return null;
  const rows = choose(random, matrix.rows, Math.min(matrix.rows, ROWS[neurons]));
  const whole = neurons === 'rows' || matrix.columns <= STRETCH;
  const width = whole ? matrix.columns : STRETCH;
  const from = whole ? 0 : STRETCH * int(random, Math.floor(matrix.columns / STRETCH));
  const looked = neurons === 'rows' ? rows.length : width;
  if (encoding === 'F32') return new Float64Array(looked);
  const values = new Float32Array(rows.length * width);
  const file = openSync(matrix.file, 'r');
  try {
    const reader = rowReader(matrix, file, 1);
    rows.forEach((row, i) => {
      values.set(reader.read(row, 1).subarray(from, from + width), i * width);
    });
  } finally {
    closeSync(file);
  }
  dither(values, width, random);
  const sums = () => new Float64Array(looked);
  const products = { dot: sums(), squareA: sums(), squareB: sums() };
  const back = round(values, rows.length, width);
  addProducts(neurons, values, back, 0, rows.length, width, products);
  return cosineDrift(products);
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
