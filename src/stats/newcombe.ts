import { type Interval, Z95 } from './interval.js';

/**
 * Newcombe's 95 % score-type interval of an AUROC ("method 5", Statistics in Medicine 25 (2006) 559): the values whose
 * Hanley-McNeil standard error, taken at that value, reaches the estimate. Meant for perfect separation, where every
 * bootstrap replicate is 1 and the bootstrap would claim certainty.
 *
 * @param estimate  the AUROC found, in [0, 1]
 * @param positives number of samples of class 1 (>= 1)
 * @param negatives number of samples of class 0 (>= 1)
 */
export function newcombeInterval(estimate: number, positives: number, negatives: number): Interval {
  const half = (positives + negatives) / 2 - 1;
  const reached = (value: number) => {
    const spread = 1 + half * ((1 - value) / (2 - value) + value / (1 + value));
    const variance = (value * (1 - value) * spread) / (positives * negatives);
    return Math.abs(estimate - value) <= Z95 * Math.sqrt(variance);
  };
  return { estimate, low: furthest(estimate, 0, reached), high: furthest(estimate, 1, reached) };
}

/** The point furthest from `start` towards `end` that is still reached, by bisection. */
function furthest(start: number, end: number, reached: (value: number) => boolean): number {
  let inside = start;
  let outside = end;
  for (let step = 0; step < 60; step++) {
    const middle = (inside + outside) / 2;
    if (reached(middle)) inside = middle;
    else outside = middle;
  }
  return (inside + outside) / 2;
}
