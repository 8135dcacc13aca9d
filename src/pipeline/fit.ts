import { chooseC, crossValidate } from '../learn/cross-validate.js';
import type { FeatureMatrix } from '../learn/matrix.js';
import { fitPlatt, type Platt } from '../stats/calibration.js';
import { accuracy } from '../stats/metrics.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';
import type { TrainSettings } from './settings.js';

/** The settings that a fit itself depends on. */
export type FitSettings = Pick<TrainSettings, 'mode' | 'grid' | 'folds' | 'seed'> &
  Partial<Pick<TrainSettings, 'standardise' | 'classWeights'>>;

export interface TrainingData {
  /** The answers of all cases; in 3-vs-1 then the other tokens of all cases, in the same order. */
  matrix: FeatureMatrix;
  cases: Pick<Case, 'class' | 'relation' | 'group'>[];
}

export interface GridPoint {
  C: number;
  /** Share of held-out answers that were called rightly, in [0, 1]. */
  accuracy: number;
  /** Neurons with a weight other than 0, and those of them with a positive one, after the final fit. */
  neurons: number;
  hNeurons: number;
  /** Share of the score questions that the model still answers rightly without these H-Neurons, where it was measured. */
  suppressed?: number;
}

/** A detector as trained at one C. */
export interface Fit {
  C: number;
  intercept: number;
  /** Columns with a weight other than 0, ascending. */
  indices: Uint32Array;
  weights: Float64Array;
  platt: Platt;
  /** Score of each case by the model that was fitted without its fold. */
  heldOut: Float64Array;
  /** In ascending C. */
  grid: GridPoint[];
}

/** The whole path with its cross-validated figures, before a C has been chosen. */
export interface FittedGrid {
  /** In ascending C. */
  grid: GridPoint[];
  /** Flat indices of the H-Neurons (weight > 0) of each point, ascending. */
  hNeurons: Uint32Array[];
  /** The detector of a C of the grid. */
  at(C: number): Fit;
}

/**
 * The L1 path on all cases with grouped cross-validation (method.md section 4), and Platt's calibration. Called with few
 * columns it trains a random control: both go through the same steps.
 *
 * The cross-validated figure of a C is the accuracy on held-out answers, where an answer is called hallucinated when its
 * calibrated probability is above one half: in 3-vs-1 most rows have label 0, so that 0 would be the wrong threshold for the raw
 * score. Throws UserErrors as `crossValidate` does.
 */
export async function fitGrid(
  { matrix, cases }: TrainingData,
  settings: FitSettings,
  options: { signal?: AbortSignal; onFit?: (done: number, total: number) => void } = {},
): Promise<FittedGrid> {
  const answers = cases.length;
  const rows = settings.mode === '3-vs-1' ? [...cases, ...cases] : cases;
  const labels = Uint8Array.from(rows, (one, i) => (i < answers && one.class === 'hallucinated' ? 1 : 0));
  const points = await crossValidate({
    ...options,
    matrix,
    labels,
    groups: rows.map((one) => one.group),
    // Folds are dealt stratum after stratum in the order of the names: the class comes first, so that each fold gets its
    // share of both also where every relation has but a few cases.
    strata: rows.map((one) => JSON.stringify([one.class, one.relation])),
    counted: Uint8Array.from(rows, (_, i) => (i < answers ? 1 : 0)),
    grid: settings.grid,
    folds: settings.folds,
    seed: settings.seed,
    standardise: settings.standardise,
    classWeights: settings.classWeights === 'balanced' ? 'balanced' : undefined,
    figure: (scores, truth) => accuracy(decisionValues(fitPlatt(scores, truth), scores), truth, 0),
  });
  const positive = points.map(({ final }) => final.indices.filter((_, i) => final.weights[i] > 0));
  const grid = points.map(({ C, accuracy, final }, i): GridPoint => {
    return { C, accuracy, neurons: final.weights.length, hNeurons: positive[i].length };
  });
  return {
    grid,
    hNeurons: positive,
    at: (C) => {
      const { scores, final } = points.find((point) => point.C === C)!;
      const { intercept, indices, weights } = final;
      const heldOut = scores.slice(0, answers);
      return {
        C,
        intercept,
        indices,
        weights,
        platt: fitPlatt(heldOut, labels.slice(0, answers)),
        heldOut,
        grid,
      };
    },
  };
}

/**
 * Trains a detector with the C of the best held-out accuracy; equal figures go to the sparser model. The random controls and the
 * probes beside the detector are trained by this.
 */
export async function fitDetector(
  data: TrainingData,
  settings: FitSettings,
  options: { signal?: AbortSignal; onFit?: (done: number, total: number) => void } = {},
): Promise<Fit> {
  const fitted = await fitGrid(data, settings, options);
  return fitted.at(chooseC(fitted.grid, data.cases.length).C);
}
