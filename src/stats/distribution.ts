import { quantileSorted } from 'simple-statistics';

/** Where the values of one class lie. */
export interface Spread {
  mean: number;
  /** Quantiles at .05, .25, .5, .75 and .95. */
  quantiles: [number, number, number, number, number];
  /** Share of the class in each of the common bins; sums to 1. */
  shares: number[];
}

/** Two classes over common, equally wide bins from `low` to `high`; values above `high` are in the last bin. */
export interface Distributions {
  low: number;
  high: number;
  faithful: Spread;
  hallucinated: Spread;
}

/**
 * Compares the values (CETT, at least 0) of two classes, neither of them empty. The bins begin at 0 and end at the 99th
 * percentile of all values, so that one far outlier does not squeeze the rest into the first bin.
 */
export function compareDistributions(
  faithful: ArrayLike<number>,
  hallucinated: ArrayLike<number>,
  bins = 24,
): Distributions {
  const all = [...Array.from(faithful), ...Array.from(hallucinated)].sort((a, b) => a - b);
  const high = quantileSorted(all, 0.99) || all[all.length - 1] || 1;
  return {
    low: 0,
    high,
    faithful: spread(faithful, high, bins),
    hallucinated: spread(hallucinated, high, bins),
  };
}

function spread(values: ArrayLike<number>, high: number, bins: number): Spread {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const shares = new Array<number>(bins).fill(0);
  let sum = 0;
  for (const value of sorted) {
    shares[Math.min(bins - 1, Math.floor((value / high) * bins))] += 1 / sorted.length;
    sum += value;
  }
  const quantiles = [0.05, 0.25, 0.5, 0.75, 0.95].map((p) => quantileSorted(sorted, p));
  return { mean: sum / sorted.length, quantiles: quantiles as Spread['quantiles'], shares };
}
