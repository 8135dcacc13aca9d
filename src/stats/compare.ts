import { bootstrapIntervals, type Design } from './bootstrap.js';
import type { Interval } from './interval.js';
import { accuracyStatistic, aurocStatistic } from './metrics.js';
import { newcombeInterval } from './newcombe.js';
import type { Random } from './random.js';
import { wilsonInterval } from './wilson.js';

export interface Figures {
  accuracy: Interval;
  auroc: Interval;
}

/** Figures of a score, and how far another score lies above it on the same samples. */
export interface ComparedFigures extends Figures {
  difference: Figures;
}

/**
 * Compares a score with the detector's on the same samples: figures with 95 % intervals, and the paired difference, detector minus
 * other, from the same resamples of questions. Scores above 0 call a sample hallucinated. Where a figure is perfect in every resample, and
 * the bootstrap therefore blind, the closed forms of `aurocInterval` and `accuracyInterval` stand in; where that goes for both scores, the
 * difference is as uncertain as the other's figure.
 */
export function compareScores(
  detector: ArrayLike<number>,
  other: ArrayLike<number>,
  design: Design,
  random: Random,
): ComparedFigures {
  const { labels } = design;
  const statistics = [detector, other].flatMap((scores) => [
    accuracyStatistic(scores, labels, 0),
    aurocStatistic(scores, labels),
  ]);
  const [accuracy, auroc, ...differences] = bootstrapIntervals(
    labels.length,
    (weights) => {
      const [accuracyOf, aurocOf, otherAccuracy, otherAuroc] = statistics.map((statistic) =>
        statistic(weights),
      );
      return [otherAccuracy, otherAuroc, accuracyOf - otherAccuracy, aurocOf - otherAuroc];
    },
    random,
    design,
  );
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const figures = {
    accuracy: seen(accuracy, () =>
      wilsonInterval(Math.round(accuracy.estimate * labels.length), labels.length),
    ),
    auroc: seen(auroc, () => newcombeInterval(auroc.estimate, positives, labels.length - positives)),
  };
  // Two scores that are perfect in every resample; equal decisions on samples that do spread are a difference of 0 for sure.
  const around = (difference: Interval, drawn: Interval, { estimate, low, high }: Interval) => {
    if (difference.low !== difference.high || drawn.low !== drawn.high) return difference;
    const reach = Math.max(estimate - low, high - estimate);
    const middle = difference.estimate;
    return { estimate: middle, low: middle - reach, high: middle + reach };
  };
  return {
    ...figures,
    difference: {
      accuracy: around(differences[0], accuracy, figures.accuracy),
      auroc: around(differences[1], auroc, figures.auroc),
    },
  };
}

/** The interval, or what stands in where the bootstrap saw no spread. */
function seen(interval: Interval, otherwise: () => Interval): Interval {
  return interval.low === interval.high ? otherwise() : interval;
}
