/**
 * Figures of a detector on labelled samples. `scores[i]` is higher the more the detector believes that sample i is
 * hallucinated; `labels[i]` is 1 for hallucinated and 0 for faithful.
 */

/** A figure of weighted samples: `weights[i]` says how often sample i counts. NaN where the figure is undefined. */
export type Statistic = (weights: ArrayLike<number>) => number;

/** Sample numbers by ascending score, ties in order. Throws a RangeError on a NaN score, which has no rank. */
export function ascending(scores: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) {
    if (Number.isNaN(scores[i])) throw new RangeError(`the score of sample ${i} is not a number`);
    order[i] = i;
  }
  return order.sort((a, b) => (scores[a] < scores[b] ? -1 : scores[a] > scores[b] ? 1 : a - b));
}

/**
 * AUROC as a function of sample weights; the sorting is done once, so that each of many bootstrap replicates costs one
 * pass. Ties count half. NaN when one class has no weight.
 */
export function aurocStatistic(scores: ArrayLike<number>, labels: ArrayLike<number>): Statistic {
  const order = ascending(scores);
  return (weights) => {
    let won = 0;
    let positives = 0;
    let negatives = 0;
    for (let at = 0; at < order.length; ) {
      const score = scores[order[at]];
      let tiedPositives = 0;
      let tiedNegatives = 0;
      for (; at < order.length && scores[order[at]] === score; at++) {
        const sample = order[at];
        if (labels[sample] === 1) tiedPositives += weights[sample];
        else tiedNegatives += weights[sample];
      }
      won += tiedPositives * (negatives + tiedNegatives / 2);
      positives += tiedPositives;
      negatives += tiedNegatives;
    }
    return won / (positives * negatives);
  };
}

/**
 * Area under the ROC curve: the chance that a random hallucinated sample scores above a random faithful one, ties
 * counting half. NaN when a class is empty; RangeError on a NaN score.
 */
export function auroc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  return aurocStatistic(scores, labels)(new Uint8Array(scores.length).fill(1));
}

/** Ranks from 1 in ascending order; tied scores share the mean of their ranks. RangeError on a NaN score. */
export function midranks(scores: ArrayLike<number>): Float64Array {
  const order = ascending(scores);
  const ranks = new Float64Array(order.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end]] === scores[order[start]]) end++;
    for (let at = start; at < end; at++) ranks[order[at]] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

/** AUROC from midranks (Mann-Whitney): for many labellings of the same scores. */
export function aurocOfRanks(ranks: Float64Array, labels: ArrayLike<number>): number {
  let sum = 0;
  let positives = 0;
  for (let i = 0; i < ranks.length; i++) {
    if (labels[i] === 1) {
      sum += ranks[i];
      positives++;
    }
  }
  return (sum - (positives * (positives + 1)) / 2) / (positives * (ranks.length - positives));
}

/** Accuracy as a function of sample weights: a score above `threshold` is called hallucinated. */
export function accuracyStatistic(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  threshold: number,
): Statistic {
  const right = Uint8Array.from(labels, (label, i) => (scores[i] > threshold === (label === 1) ? 1 : 0));
  return (weights) => {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < right.length; i++) {
      sum += right[i] * weights[i];
      total += weights[i];
    }
    return sum / total;
  };
}

/** Share of samples on the right side of `threshold` (a score above it is called hallucinated). NaN without samples. */
export function accuracy(scores: ArrayLike<number>, labels: ArrayLike<number>, threshold: number): number {
  return accuracyStatistic(scores, labels, threshold)(new Uint8Array(scores.length).fill(1));
}
