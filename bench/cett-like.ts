import { closeSync, openSync, writeSync } from 'node:fs';
import { encodeHalves } from '../src/formats/float16.js';
import { npyHeader, writeNpy } from '../src/formats/npy.js';

const FACTORS = 40;
const PER_COLUMN = 4;
/** Columns that the labels are drawn from. */
export const SIGNAL = 40;

/** Uniform numbers in [0, 1) (mulberry32): the same data for the same seed on every machine. */
function uniforms(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Writes features `[rows, columns]` that resemble CETT values, and labels. Fitted by eye to those of gemma-3-270m: non-negative
 * and heavy-tailed (the cube of a near-normal value; the largest is 8 to 12 deviations up), deviations around .007 with
 * a few columns ten times larger, correlated (every column loads on 4 of 40 factors of its row, the first ones the strongest:
 * 50 principal components hold about a third of the variance of 10,000 such columns; of real CETT it was 65 %), and a sparse
 * truth: labels are drawn from a logistic model of 40 columns.
 */
export async function writeCettLike(
  featuresPath: string,
  labelsPath: string,
  [rows, columns]: [number, number],
  { seed, dtype }: { seed: number; dtype: 'float32' | 'float16' },
): Promise<void> {
  const random = uniforms(seed);
  // Twelve uniforms less six: variance 1, tails to 6; three of them, scaled, do for the noise.
  const normal = () => {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random();
    return sum;
  };
  const scales = Float64Array.from(
    { length: columns },
    () => 0.00035 * Math.exp(0.4 * normal()) * (random() < 0.01 ? 10 : 1),
  );
  const offsets = Float64Array.from({ length: columns }, () => 1 + 0.5 * normal());
  const factors = Int32Array.from({ length: columns * PER_COLUMN }, () =>
    Math.floor(random() ** 2 * FACTORS),
  );
  const loadings = Float64Array.from({ length: columns * PER_COLUMN }, () => 0.5 * normal());
  const signal = Array.from({ length: SIGNAL }, (_, k) => Math.floor(((k + random()) * columns) / SIGNAL));
  const effects = signal.map((_, k) => (k % 2 ? -1 : 1) * (0.4 + 0.8 * random()));

  const labels = new Uint8Array(rows);
  const row = new Float32Array(columns);
  const latent = new Float64Array(FACTORS);
  const file = openSync(featuresPath, 'w');
  writeSync(file, npyHeader(dtype === 'float16' ? 'f2' : 'f4', [rows, columns]));
  const halves = new Uint16Array(dtype === 'float16' ? columns : 0);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < FACTORS; k++) latent[k] = normal();
    for (let j = 0; j < columns; j++) {
      let value = offsets[j] + 2 * (random() + random() - 1);
      for (let k = 3 * j; k < 3 * j + PER_COLUMN; k++) value += loadings[k] * latent[factors[k]];
      row[j] = scales[j] * Math.abs(value * value * value);
    }
    let logit = 0;
    signal.forEach((j, k) => {
      logit += effects[k] * Math.min(4, row[j] / scales[j] / 8 - 0.8);
    });
    labels[i] = random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    if (dtype === 'float16') encodeHalves(row, halves);
    const bytes = new Uint8Array(dtype === 'float16' ? halves.buffer : row.buffer);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
  await writeNpy(labelsPath, { shape: [rows], data: labels });
}
