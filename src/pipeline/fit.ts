import { chooseC, crossValidate } from '../learn/cross-validate.js';
import type { FeatureMatrix } from '../learn/matrix.js';
import { fitPlatt, type Platt } from '../stats/calibration.js';
import { accuracy } from '../stats/metrics.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';
import type { TrainSettings } from './settings.js';

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
}

export interface Fit {
  C: number;
  intercept: number;
  /** Columns with a weight other than 0, ascending. */
  indices: Uint32Array;
  weights: Float64Array;
  platt: Platt;
  /** In ascending C. */
  grid: GridPoint[];
}

/**
 * Trains a detector (method.md section 4): the L1 path on all cases, C by grouped cross-validation, and Platt's
 * calibration. Called with few columns it trains a random control: both go through the same steps.
 *
 * The cross-validated figure of a C is the accuracy on held-out answers, where an answer is called hallucinated when its
 * calibrated probability is above one half: in 3-vs-1 most rows have label 0, so that 0 would be the wrong threshold for the raw
 * score. Equal figures go to the sparser model. Throws UserErrors as `crossValidate` does.
 */
export async function fitDetector(
  { matrix, cases }: TrainingData,
  settings: TrainSettings,
  options: { signal?: AbortSignal; onFit?: (done: number, total: number) => void } = {},
): Promise<Fit> {
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
    figure: (scores, truth) => accuracy(decisionValues(fitPlatt(scores, truth), scores), truth, 0),
  });
  const grid = points.map(({ C, accuracy, final }): GridPoint => {
    const { weights } = final;
    return { C, accuracy, neurons: weights.length, hNeurons: weights.filter((weight) => weight > 0).length };
  });
  const { C } = chooseC(grid, answers);
  const { scores, final } = points.find((point) => point.C === C)!;
  const { intercept, indices, weights } = final;
  const platt = fitPlatt(scores.subarray(0, answers), labels.subarray(0, answers));
  return { C, intercept, indices, weights, platt, grid };
}
