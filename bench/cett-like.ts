import { closeSync, openSync, writeSync } from 'node:fs';
import { npyHeader, writeNpy } from '../src/formats/npy.js';

const FACTORS = 24;
const PER_COLUMN = 3;
const SIGNAL = 40;

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
 * Writes features `[rows, columns]` that resemble CETT values, and labels. Non-negative and heavy-tailed: a squared
 * near-normal value; correlated: every column loads on 3 of 24 factors of its row; of very different sizes: column scales are
 * log-normal; a sparse truth: the labels are drawn from a logistic model of 40 columns.
 */
export async function writeCettLike(
  featuresPath: string,
  labelsPath: string,
  [rows, columns]: [number, number],
  seed: number,
): Promise<void> {
  const random = uniforms(seed);
  // Twelve uniforms less six: variance 1, tails to 6; three of them, scaled, do for the noise.
  const normal = () => {
    let sum = -6;
    for (let k = 0; k < 12; k++) sum += random();
    return sum;
  };
  const scales = Float64Array.from({ length: columns }, () => 0.004 * Math.exp(1.2 * normal()));
  const offsets = Float64Array.from({ length: columns }, () => 0.5 * normal());
  const factors = Int32Array.from({ length: columns * PER_COLUMN }, () => Math.floor(random() * FACTORS));
  const loadings = Float64Array.from({ length: columns * PER_COLUMN }, () => 0.5 * normal());
  const signal = Array.from({ length: SIGNAL }, (_, k) => Math.floor(((k + random()) * columns) / SIGNAL));
  const effects = signal.map((_, k) => (k % 2 ? -1 : 1) * (0.4 + 0.8 * random()));

  const labels = new Uint8Array(rows);
  const row = new Float32Array(columns);
  const latent = new Float64Array(FACTORS);
  const file = openSync(featuresPath, 'w');
  writeSync(file, npyHeader('f4', [rows, columns]));
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < FACTORS; k++) latent[k] = normal();
    for (let j = 0; j < columns; j++) {
      let value = offsets[j] + 1.6 * (random() + random() + random() - 1.5);
      for (let k = 3 * j; k < 3 * j + PER_COLUMN; k++) value += loadings[k] * latent[factors[k]];
      row[j] = scales[j] * value * value;
    }
    let logit = 0;
    signal.forEach((j, k) => {
      // A squared value has mean and deviation of a few scales.
      logit += effects[k] * Math.min(3, row[j] / scales[j] - 1.8);
    });
    labels[i] = random() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
    const bytes = new Uint8Array(row.buffer);
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  }
  closeSync(file);
  await writeNpy(labelsPath, { shape: [rows], data: labels });
}
