import { accuracyInterval, aurocInterval, controlDifference, type Design } from './bootstrap.js';
import { type CalibrationFigures, calibrationFigures, plattProbability } from './calibration.js';
import { type ControlFigures, type ControlScores, controlFigures } from './evaluate.js';
import type { Interval } from './interval.js';
import { aurocStatistic } from './metrics.js';
import { auprcInterval } from './precision.js';
import { derive } from './random.js';

export interface DetectorInput {
  /** Decision values of the detector (log-odds of its calibrated probability), one a sample; above 0: hallucinated. */
  scores: ArrayLike<number>;
  /** 1 = hallucinated, 0 = faithful; both must be there. */
  labels: Uint8Array;
  /** Number of the question, or group of questions about the same fact, that each sample belongs to. */
  groups: ArrayLike<number>;
  /** Decision values by the controls; empty where there are none. */
  random: ControlScores[];
  layerMatched: ControlScores[];
  seed: number;
}

export interface RowInput extends DetectorInput {
  /** Mean log-probability of the tokens of each sample's response. */
  logProbability: ArrayLike<number>;
}

/** A detector beside its controls. */
export interface DetectorFigures {
  accuracy: Interval;
  auroc: Interval;
  random: ControlFigures | null;
  layerMatched: ControlFigures | null;
}

export interface RowFigures extends DetectorFigures {
  auprc: Interval;
  calibration: CalibrationFigures;
  /** The model's own log-probability in place of the detector: the less likely, the sooner made up. */
  logProbability: {
    auroc: Interval;
    auprc: Interval;
    /** AUROC of the detector minus AUROC of the log-probability. */
    difference: Interval;
  };
}

/**
 * Accuracy and AUROC with 95 % intervals by bootstrap over questions, and those of the controls. Equal input gives equal output. Throws
 * a RangeError when a class is empty or a score is NaN.
 */
export function detectorFigures(input: DetectorInput): DetectorFigures {
  const { scores, labels, groups, seed } = input;
  if (!labels.includes(0) || !labels.includes(1)) throw new RangeError('the samples are all of one class');
  const design: Design = { labels, groups, strata: labels };
  const control = (name: string, controls: ControlScores[]) =>
    controls.length > 0 ? controlFigures(scores, controls, design, seed, name) : null;
  return {
    accuracy: accuracyInterval(scores, 0, design, derive(seed, 'accuracy')),
    auroc: aurocInterval(scores, design, derive(seed, 'auroc')),
    random: control('random', input.random),
    layerMatched: control('layer-matched', input.layerMatched),
  };
}

/**
 * All figures of one data set for one detector, with 95 % intervals by bootstrap over questions (method.md section 5).
 * Equal input gives equal output. Throws a RangeError when a class is empty or a score is NaN.
 */
export function rowFigures(input: RowInput): RowFigures {
  const { scores, labels, groups, seed } = input;
  const figures = detectorFigures(input);
  const design: Design = { labels, groups, strata: labels };
  const unlikely = Float64Array.from(input.logProbability, (value) => -value);
  const probabilities = Float64Array.from(scores, (score) => plattProbability(UNIT, score));
  return {
    ...figures,
    auprc: auprcInterval(scores, design, derive(seed, 'auprc')),
    calibration: calibrationFigures(probabilities, labels),
    logProbability: {
      auroc: aurocInterval(unlikely, design, derive(seed, 'log-probability', 'auroc')),
      auprc: auprcInterval(unlikely, design, derive(seed, 'log-probability', 'auprc')),
      difference: controlDifference(
        aurocStatistic(scores, labels),
        [aurocStatistic(unlikely, labels)],
        design,
        derive(seed, 'log-probability', 'difference'),
      ),
    },
  };
}

/** The decision values are calibrated already. */
const UNIT = { slope: 1, intercept: 0 };
