import { quantileSorted } from 'simple-statistics';
import type { Interval } from './interval.js';

/** Jaccard index |A and B| / |A or B| of two sets; 1 for two empty ones. */
export function jaccard(a: ReadonlySet<number>, b: ReadonlySet<number>): number {
  let shared = 0;
  for (const element of a) if (b.has(element)) shared++;
  const union = a.size + b.size - shared;
  return union === 0 ? 1 : shared / union;
}

/**
 * Jaccard index that two sets of these sizes have by chance among `total` elements: that of the expected number of shared ones,
 * a b / total.
 */
export function chanceJaccard(a: number, b: number, total: number): number {
  const shared = (a * b) / total;
  return a + b === 0 ? 1 : shared / (a + b - shared);
}

/** Mean of some values, with the range of the middle 95 % of them. Not the interval of the mean: pairs of sets hang together. */
export function spreadOf(values: number[]): Interval {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    estimate: values.reduce((sum, value) => sum + value, 0) / values.length,
    low: quantileSorted(sorted, 0.025),
    high: quantileSorted(sorted, 0.975),
  };
}

/** Jaccard index of every pair of sets. */
export function pairwiseJaccard(sets: ReadonlySet<number>[]): number[] {
  return sets.flatMap((a, i) => sets.slice(i + 1).map((b) => jaccard(a, b)));
}
