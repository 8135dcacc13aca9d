import { bootstrapInterval, type Design } from './bootstrap.js';
import type { Interval } from './interval.js';
import { ascending, type Statistic } from './metrics.js';
import type { Random } from './random.js';
import { wilsonInterval } from './wilson.js';

/**
 * Average precision (area under the precision-recall curve as scikit-learn's `average_precision_score` sums it: for each
 * threshold the gain in recall times the precision) as a function of sample weights. Tied scores share a threshold. The
 * value of guessing is the share of label 1. NaN when no sample of label 1 has weight.
 */
export function auprcStatistic(scores: ArrayLike<number>, labels: ArrayLike<number>): Statistic {
  const order = ascending(scores).reverse();
  return (weights) => {
    let positives = 0;
    let taken = 0;
    let sum = 0;
    for (let at = 0; at < order.length; ) {
      const score = scores[order[at]];
      const before = positives;
      for (; at < order.length && scores[order[at]] === score; at++) {
        const sample = order[at];
        taken += weights[sample];
        if (labels[sample] === 1) positives += weights[sample];
      }
      if (positives > before) sum += (positives - before) * (positives / taken);
    }
    return sum / positives;
  };
}

/** {@link auprcStatistic} of samples that count once each. */
export function auprc(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  return auprcStatistic(scores, labels)(new Uint8Array(scores.length).fill(1));
}

/**
 * AUPRC with its 95 % interval: bootstrap over questions. Under perfect separation the bootstrap sees no spread; the lower end
 * is then that of Wilson's interval for as many successes as there are samples of label 1.
 */
export function auprcInterval(scores: ArrayLike<number>, design: Design, random: Random): Interval {
  const interval = bootstrapInterval(scores.length, auprcStatistic(scores, design.labels), random, design);
  if (interval.low !== interval.high) return interval;
  const positives = design.labels.reduce((sum, label) => sum + label, 0);
  return { ...interval, low: wilsonInterval(positives, positives).low };
}
