import { quantileSorted } from 'simple-statistics';
import type { Interval } from './interval.js';
import { accuracyStatistic, aurocStatistic, type Statistic } from './metrics.js';
import { newcombeInterval } from './newcombe.js';
import { int, type Random } from './random.js';
import { wilsonInterval } from './wilson.js';

/** How the samples hang together. All arrays have one entry a sample. */
export interface Design {
  labels: Uint8Array;
  /** Number of the question that a sample belongs to: questions are drawn, not samples. Default: every sample alone. */
  groups?: ArrayLike<number>;
  /** Questions are drawn within strata, which keeps the size of each. A stratum of one question adds no spread. */
  strata?: ArrayLike<number>;
}

const REPLICATES = 2000;

/**
 * 95 % percentile bootstrap interval of a statistic (Efron & Tibshirani 1993, ch. 13): whole questions are drawn with
 * replacement, within strata where given. Replicates in which the statistic is undefined (NaN) are left out; the
 * interval is [NaN, NaN] when all are. `random` decides everything: the same stream gives the same interval.
 *
 * @param samples   number of samples
 * @param statistic figure of the weighted samples; called once with weights 1 for the estimate
 */
export function bootstrapInterval(
  samples: number,
  statistic: Statistic,
  random: Random,
  design: Omit<Design, 'labels'> = {},
  replicates = REPLICATES,
): Interval {
  const [interval] = bootstrapIntervals(
    samples,
    (weights) => [statistic(weights)],
    random,
    design,
    replicates,
  );
  return interval;
}

/** {@link bootstrapInterval} of several figures at once, all on the same resamples. */
export function bootstrapIntervals(
  samples: number,
  statistics: (weights: ArrayLike<number>) => number[],
  random: Random,
  design: Omit<Design, 'labels'> = {},
  replicates = REPLICATES,
): Interval[] {
  const members = questionsByStratum(samples, design);
  const weights = new Uint32Array(samples).fill(1);
  const estimates = statistics(weights);
  const values = estimates.map(() => [] as number[]);
  for (let replicate = 0; replicate < replicates; replicate++) {
    weights.fill(0);
    for (const questions of members) {
      for (let draw = 0; draw < questions.length; draw++) {
        for (const sample of questions[int(random, questions.length)]) weights[sample]++;
      }
    }
    statistics(weights).forEach((value, i) => {
      if (!Number.isNaN(value)) values[i].push(value);
    });
  }
  return estimates.map((estimate, i) => {
    if (values[i].length === 0) return { estimate, low: Number.NaN, high: Number.NaN };
    const sorted = values[i].sort((a, b) => a - b);
    return { estimate, low: quantileSorted(sorted, 0.025), high: quantileSorted(sorted, 0.975) };
  });
}

/** Samples of each question, questions of each stratum. A question belongs to the stratum of its first sample. */
function questionsByStratum(samples: number, design: Omit<Design, 'labels'>): Uint32Array[][] {
  const questions = new Map<number, { stratum: number; samples: number[] }>();
  for (let sample = 0; sample < samples; sample++) {
    const group = design.groups?.[sample] ?? sample;
    const question = questions.get(group);
    if (question) question.samples.push(sample);
    else questions.set(group, { stratum: design.strata?.[sample] ?? 0, samples: [sample] });
  }
  const strata = new Map<number, Uint32Array[]>();
  for (const question of questions.values()) {
    const list = strata.get(question.stratum) ?? [];
    list.push(Uint32Array.from(question.samples));
    strata.set(question.stratum, list);
  }
  return [...strata.values()];
}

/**
 * AUROC with its 95 % interval: bootstrap over questions; where the classes are perfectly separated, and the bootstrap
 * therefore blind, Newcombe's interval. NaN throughout when a class is empty.
 */
export function aurocInterval(scores: ArrayLike<number>, design: Design, random: Random): Interval {
  const interval = bootstrapInterval(
    scores.length,
    aurocStatistic(scores, design.labels),
    random,
    design,
    REPLICATES,
  );
  if (interval.low !== interval.high) return interval;
  const positives = design.labels.reduce((sum, label) => sum + label, 0);
  return newcombeInterval(interval.estimate, positives, design.labels.length - positives);
}

/** Accuracy with its 95 % interval: bootstrap over questions; Wilson's interval where all samples are right or all wrong. */
export function accuracyInterval(
  scores: ArrayLike<number>,
  threshold: number,
  design: Design,
  random: Random,
): Interval {
  const statistic = accuracyStatistic(scores, design.labels, threshold);
  const interval = bootstrapInterval(scores.length, statistic, random, design);
  if (interval.low !== interval.high) return interval;
  return wilsonInterval(Math.round(interval.estimate * scores.length), scores.length);
}

/**
 * How far a detector's figure lies above the mean figure of its random controls, with a 95 % interval. Each replicate
 * draws questions (the same for all) and controls anew, so that the interval covers both the choice of questions and
 * the choice of random neurons.
 */
export function controlDifference(
  detector: Statistic,
  controls: Statistic[],
  design: Design,
  random: Random,
): Interval {
  let first = true;
  const statistic: Statistic = (weights) => {
    let sum = 0;
    const values = controls.map((control) => control(weights));
    for (let draw = 0; draw < values.length; draw++) {
      sum += values[first ? draw : int(random, values.length)];
    }
    first = false;
    return detector(weights) - sum / values.length;
  };
  return bootstrapInterval(design.labels.length, statistic, random, design);
}
