import { max as maximum, mean, min as minimum } from 'simple-statistics';
import { accuracyInterval, aurocInterval, controlDifference, type Design } from './bootstrap.js';
import { type CalibrationFigures, calibrationFigures, type Platt, plattProbability } from './calibration.js';
import { type ComparedFigures, compareScores } from './compare.js';
import type { Interval } from './interval.js';
import { accuracyStatistic, auroc, aurocStatistic, type Statistic } from './metrics.js';
import { newcombeInterval } from './newcombe.js';
import { aurocPValue } from './permutation.js';
import { auprcInterval } from './precision.js';
import { derive } from './random.js';
import { type RocBandPoint, type RocPoint, rocBand, rocPoints } from './roc.js';
import { wilsonInterval } from './wilson.js';

/** A relation with fewer test samples than this in either class is marked as too small to read anything into. */
export const SMALL_RELATION = 10;

/** Labels change places this often for the permutation p-value. */
const PERMUTATIONS = 2000;

/** One set of random neurons, trained and scored just as the detector was. */
export interface ControlScores {
  seed: number;
  /** One score a test sample. */
  scores: ArrayLike<number>;
}

/** What a baseline looks at: the model's output, its neurons, or its residual stream; or the detector with something else. */
export type BaselineKind = 'output' | 'neurons' | 'residual' | 'combined';

/** Something else that might do the detector's work; a score above 0 calls a sample hallucinated. */
export interface BaselineScores {
  name: string;
  description: string;
  kind: BaselineKind;
  scores: ArrayLike<number>;
}

export type BaselineFigures = Omit<BaselineScores, 'scores'> & ComparedFigures;

export interface EvaluationInput {
  /** Decision values of the detector, `w.x + b`, one a test sample; above 0 it calls the sample hallucinated. */
  scores: ArrayLike<number>;
  /** 1 = hallucinated, 0 = faithful. */
  labels: Uint8Array;
  /** Relation (kind of question) of each sample. */
  relations: string[];
  /** Number of the question that each sample belongs to. Default: every sample is a question of its own. */
  groups?: ArrayLike<number>;
  controls: ControlScores[];
  /** Controls with as many neurons in each layer as the detector; none where they were not made. */
  layerMatched?: ControlScores[];
  baselines: BaselineScores[];
  /** Fitted on the training half. */
  platt: Platt;
  seed: number;
}

/** Mean and range of a figure over the random controls. */
export interface ControlRange {
  mean: number;
  low: number;
  high: number;
}

export interface RelationFigures {
  relation: string;
  faithful: number;
  hallucinated: number;
  accuracy: Interval;
  /** Null where one class is missing. */
  auroc: Interval | null;
  /** Fewer than `SMALL_RELATION` samples in a class. */
  small: boolean;
}

/** Figures of random controls, and how far the detector lies above them. */
export interface ControlFigures {
  runs: { seed: number; accuracy: number; auroc: number }[];
  accuracy: ControlRange;
  auroc: ControlRange;
  /** Detector minus mean of the controls. */
  difference: { accuracy: Interval; auroc: Interval };
}

/** All test figures of a detector. */
export interface Evaluation {
  faithful: number;
  hallucinated: number;
  accuracy: Interval;
  auroc: Interval;
  auprc: Interval;
  relations: RelationFigures[];
  control: ControlFigures & { rocBand: RocBandPoint[] };
  layerMatched?: ControlFigures;
  baselines: BaselineFigures[];
  permutation: { p: number; permutations: number };
  roc: RocPoint[];
  calibration: Platt & CalibrationFigures;
}

/**
 * Tests a detector on samples that it was not trained on: figures with 95 % intervals, overall and by relation, random
 * controls, baselines, permutation p-value, ROC, calibration. Equal input gives equal output. Throws a RangeError when a
 * class or the list of controls is empty, or a score is NaN.
 */
export function evaluateDetector(input: EvaluationInput): Evaluation {
  const { scores, labels, relations, controls, seed } = input;
  const hallucinated = labels.reduce((sum, label) => sum + label, 0);
  const faithful = labels.length - hallucinated;
  if (faithful === 0 || hallucinated === 0) throw new RangeError('the test samples are all of one class');
  if (controls.length === 0) throw new RangeError('there is no random control to compare with');

  // The classes are balanced by design, so their sizes are kept; relations are not strata, small ones would lose spread.
  const design: Design = { labels, groups: input.groups, strata: labels };
  const names = [...new Set(relations)].sort();
  const strata = relations.map((relation) => names.indexOf(relation));
  const probabilities = Float64Array.from(scores, (score) => plattProbability(input.platt, score));

  return {
    faithful,
    hallucinated,
    accuracy: accuracyInterval(scores, 0, design, derive(seed, 'accuracy')),
    auroc: aurocInterval(scores, design, derive(seed, 'auroc')),
    auprc: auprcInterval(scores, design, derive(seed, 'auprc')),
    relations: names.map((relation, stratum) => relationFigures(relation, stratum, strata, input)),
    control: {
      ...controlFigures(scores, controls, design, seed, 'difference'),
      rocBand: rocBand(controls.map((control) => rocPoints(control.scores, labels))),
    },
    ...(input.layerMatched && {
      layerMatched: controlFigures(scores, input.layerMatched, design, seed, 'layer-matched'),
    }),
    // One stream for all: every baseline is compared on the same resamples.
    baselines: input.baselines.map(({ scores: other, ...baseline }) => ({
      ...baseline,
      ...compareScores(scores, other, design, derive(seed, 'baselines')),
    })),
    permutation: {
      p: aurocPValue(scores, labels, derive(seed, 'permutation'), strata, PERMUTATIONS),
      permutations: PERMUTATIONS,
    },
    roc: rocPoints(scores, labels),
    calibration: { ...input.platt, ...calibrationFigures(probabilities, labels) },
  };
}

/** Figures of control detectors on the samples of `design`, which the scores of the detector belong to as well. */
export function controlFigures(
  scores: ArrayLike<number>,
  controls: ControlScores[],
  design: Design,
  seed: number,
  name: string,
): ControlFigures {
  const { labels } = design;
  const areas = controls.map((control) => aurocStatistic(control.scores, labels));
  const shares = controls.map((control) => accuracyStatistic(control.scores, labels, 0));
  const ones = new Uint8Array(labels.length).fill(1);
  const runs = controls.map((control, i) => ({
    seed: control.seed,
    accuracy: shares[i](ones),
    auroc: areas[i](ones),
  }));
  const above = (detector: Statistic, others: Statistic[], figure: string) =>
    controlDifference(detector, others, design, derive(seed, name, figure));
  return {
    runs,
    accuracy: range(runs.map((run) => run.accuracy)),
    auroc: range(runs.map((run) => run.auroc)),
    difference: {
      accuracy: above(accuracyStatistic(scores, labels, 0), shares, 'accuracy'),
      auroc: above(aurocStatistic(scores, labels), areas, 'auroc'),
    },
  };
}

function relationFigures(
  relation: string,
  stratum: number,
  strata: number[],
  input: EvaluationInput,
): RelationFigures {
  const samples = strata.flatMap((other, sample) => (other === stratum ? [sample] : []));
  const scores = samples.map((sample) => input.scores[sample]);
  const labels = Uint8Array.from(samples, (sample) => input.labels[sample]);
  const groups = samples.map((sample) => input.groups?.[sample] ?? sample);
  const hallucinated = labels.reduce((sum, label) => sum + label, 0);
  const faithful = labels.length - hallucinated;
  const design: Design = { labels, groups, strata: labels };
  const small = Math.min(faithful, hallucinated) < SMALL_RELATION;
  // The bootstrap is too narrow on a handful of samples; the closed forms are not.
  const accuracy = small
    ? wilsonInterval(samples.filter((_, i) => scores[i] > 0 === (labels[i] === 1)).length, samples.length)
    : accuracyInterval(scores, 0, design, derive(input.seed, 'relation', relation, 'accuracy'));
  let area: Interval | null = null;
  if (faithful > 0 && hallucinated > 0) {
    area = small
      ? newcombeInterval(auroc(scores, labels), hallucinated, faithful)
      : aurocInterval(scores, design, derive(input.seed, 'relation', relation, 'auroc'));
  }
  return { relation, faithful, hallucinated, accuracy, auroc: area, small };
}

function range(values: number[]): ControlRange {
  return { mean: mean(values), low: minimum(values), high: maximum(values) };
}
