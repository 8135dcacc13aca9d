import { bootstrapInterval } from './bootstrap.js';
import type { Interval } from './interval.js';
import type { Random } from './random.js';

/**
 * Least-squares slope of each item's values over common points x: sum (x - mean x) y / sum (x - mean x)^2. The slope of the mean curve is
 * the mean of these. NaN for fewer than two different points.
 * @param values `[items][points]`
 */
export function itemSlopes(x: readonly number[], values: readonly ArrayLike<number>[]): Float64Array {
  const middle = x.reduce((sum, one) => sum + one, 0) / x.length;
  const spread = x.reduce((sum, one) => sum + (one - middle) ** 2, 0);
  return Float64Array.from(values, (y) => {
    let sum = 0;
    for (let k = 0; k < x.length; k++) sum += (x[k] - middle) * y[k];
    return spread > 0 ? sum / spread : Number.NaN;
  });
}

/** Weighted mean of values. */
export function weightedMean(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let sum = 0;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    sum += weights[i] * values[i];
    total += weights[i];
  }
  return sum / total;
}

/** Mean of one value an item with its 95 % bootstrap interval; items of a group are drawn together. */
export function bootstrapMean(
  values: ArrayLike<number>,
  groups: ArrayLike<number>,
  random: Random,
): Interval {
  return bootstrapInterval(values.length, (weights) => weightedMean(values, weights), random, { groups });
}
