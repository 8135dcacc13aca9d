import type { LoadedModel } from '../native/model.js';
import type { Listener, ResidualListener } from './tap.js';

/** Where the CETT of one token goes. */
export interface TokenTarget {
  /** Sums over tokens, `[layers * ffn]`, without the column norms; undefined where no mask has this token. */
  sums: Float32Array[];
  /** Raw CETT of the wanted neurons at this token, `[neurons]`. */
  raw?: Float32Array;
  /** Sum of the residual stream over tokens, `[layers * hidden]`. */
  residual?: Float32Array;
}

const EPSILON = 1e-8;

/**
 * What |z_j| of a token is multiplied with: 1 / (||h|| + 1e-8). NaN where h is not finite, for which the quotient would be 0.
 */
export function tokenScale(size: number): number {
  return Number.isFinite(size) ? 1 / (size + EPSILON) : Number.NaN;
}

/**
 * The heart of the reader: for each layer of a decode, adds |z_j| / (||h|| + 1e-8) of each token to its targets
 * (CETT without the factor ||W_down[:, j]||, which `finish` multiplies in once).
 * `targets()` gives the running batch's tokens in row order.
 * @param signed raw values carry the sign of z
 */
export function makeAccumulator(
  model: LoadedModel,
  neurons: ArrayLike<number>,
  signed: boolean,
  targets: () => readonly TokenTarget[],
): Listener {
  const { ffn, hidden } = model.info;
  const bias = model.downBias();
  const norms = model.norms();
  return (layer, z, h, tokens) => {
    const rows = targets();
    checkRows(layer, tokens, rows.length);
    const offset = layer * ffn;
    for (let t = 0; t < tokens; t++) {
      const { sums, raw } = rows[t];
      if (sums.length === 0 && !raw) continue;
      const scale = tokenScale(norm(h, t * hidden, hidden, bias?.[layer]));
      for (const sum of sums) addScaled(sum, offset, z, t * ffn, ffn, scale);
      if (raw)
        for (let k = 0; k < neurons.length; k++) {
          const j = neurons[k] - offset;
          if (j < 0 || j >= ffn) continue;
          const value = z[t * ffn + j] * scale * norms[neurons[k]];
          raw[k] = signed ? value : Math.abs(value);
        }
    }
  };
}

/** Adds the residual stream of each token to its target. */
export function makeResidualAccumulator(
  model: LoadedModel,
  targets: () => readonly TokenTarget[],
): ResidualListener {
  const { hidden } = model.info;
  return (layer, x, tokens) => {
    const rows = targets();
    checkRows(layer, tokens, rows.length);
    const offset = layer * hidden;
    for (let t = 0; t < tokens; t++) {
      const { residual } = rows[t];
      if (!residual) continue;
      for (let i = 0; i < hidden; i++) residual[offset + i] += x[t * hidden + i];
    }
  };
}

function checkRows(layer: number, tokens: number, rows: number): void {
  if (tokens !== rows)
    throw new Error(`layer ${layer} holds ${tokens} tokens of ${rows}: logits were not asked for all`);
}

function addScaled(
  sum: Float32Array,
  offset: number,
  z: Float32Array,
  from: number,
  count: number,
  scale: number,
): void {
  for (let j = 0; j < count; j++) sum[offset + j] += Math.abs(z[from + j]) * scale;
}

/** L2 norm of h of one token, with the bias of the down projection where there is one. */
export function norm(h: Float32Array, from: number, count: number, bias: Float32Array | undefined): number {
  let squares = 0;
  if (bias)
    for (let i = 0; i < count; i++) {
      const value = h[from + i] + bias[i];
      squares += value * value;
    }
  else for (let i = 0; i < count; i++) squares += h[from + i] * h[from + i];
  return Math.sqrt(squares);
}

/** Turns sums over `count` tokens into mean CETT, in place. */
export function finishMean(sum: Float32Array, norms: Float32Array, count: number): Float32Array {
  if (count === 0) return sum;
  for (let j = 0; j < sum.length; j++) sum[j] = (sum[j] * norms[j]) / count;
  return sum;
}
