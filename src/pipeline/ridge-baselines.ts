import { chooseC } from '../learn/cross-validate.js';
import { ROW_BYTES, type RowMatrix } from '../learn/matrix.js';
import { crossValidateRidge } from '../learn/ridge.js';
import { fitPlatt } from '../stats/calibration.js';
import type { BaselineScores } from '../stats/evaluate.js';
import { accuracy, auroc } from '../stats/metrics.js';
import { labelsOf } from './baselines.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';
import { type Fit, type FitSettings, fitDetector } from './fit.js';
import { gather, linearScores } from './gather.js';
import type { Half } from './train.js';

/** Values of C times the number of columns, for standardised columns. */
const GRID = [0.01, 0.1, 1, 10, 100];

/** The layer is chosen among so many, evenly spaced ones. */
const MOST_LAYERS = 24;

interface Options {
  train: Half;
  test: Half;
  /** Grid (of the L1 probe), folds and seed are those of the detector. */
  settings: FitSettings;
  /** The probe on answers alone; a baseline where the detector is trained on more. */
  answersOnly: Fit;
  layers: number;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}

/**
 * Baselines that look at everything: L2 on all neurons, and the residual stream where it was read: the same sparse probe and
 * L2 at the best layer, and L2 on all layers. All learn from the training answers alone, on standardised columns, with C and layer by
 * cross-validation over the detector's folds.
 */
export async function wideBaselines(options: Options): Promise<BaselineScores[]> {
  const { train, test, settings, layers, signal, onProgress } = options;
  const labels = labelsOf(train.cases);
  const total = 1 + (train.residual && test.residual ? 3 : 0);
  let done = 0;
  const step = async (work: Promise<BaselineScores>): Promise<BaselineScores> => {
    onProgress(done, total);
    const scores = await work;
    done += 1;
    onProgress(done, total);
    return scores;
  };
  const ridge = async (
    name: string,
    description: string,
    kind: BaselineScores['kind'],
    matrix: RowMatrix,
    on: RowMatrix,
  ) => ({
    name,
    description,
    kind,
    scores: await ridgeScores(matrix, on, train.cases, labels, settings, signal),
  });
  const answers = { ...settings, mode: '1-vs-1' as const };
  const found: BaselineScores[] = [
    ...(settings.mode === '3-vs-1'
      ? [
          {
            name: 'L1, answers only',
            description: 'the same probe on answer tokens alone (1-vs-1)',
            kind: 'neurons' as const,
            scores: await scoresOf(options.answersOnly, test.answer, signal),
          },
        ]
      : []),
    await step(ridge('L2, all neurons', 'every neuron has a weight', 'neurons', train.answer, test.answer)),
  ];
  const { residual } = train;
  if (!residual || !test.residual) return found;
  const layer = await bestLayer(residual, layers, train.cases, labels, settings, signal);
  const [here, there] = [layerOf(residual, layer, layers), layerOf(test.residual, layer, layers)];
  const where = `residual stream after layer ${layer}`;
  found.push(
    await step(
      sparseScores(here, there, train.cases, { ...answers, standardise: true }, signal).then((scores) => ({
        name: 'residual stream, L1',
        description: `the same sparse probe on the ${where}, the best one on the training half`,
        kind: 'residual' as const,
        scores,
      })),
    ),
    await step(ridge('residual stream, L2', `L2 on the ${where}`, 'residual', here, there)),
    await step(
      ridge(
        'residual, all layers',
        'L2 on the residual stream after every layer',
        'residual',
        residual,
        test.residual,
      ),
    ),
  );
  return found;
}

/** The columns of one layer of a matrix that holds all layers side by side. */
export function layerOf(matrix: RowMatrix, layer: number, layers: number): RowMatrix {
  const columns = matrix.columns / layers;
  const skip = layer * columns * ROW_BYTES[matrix.dtype ?? 'F32'];
  return { ...matrix, columns, offsets: matrix.offsets.map((offset) => offset + skip) };
}

/** The layer with the best cross-validated AUROC on the training answers, at a middle C. */
async function bestLayer(
  residual: RowMatrix,
  layers: number,
  cases: Case[],
  labels: Uint8Array,
  settings: FitSettings,
  signal?: AbortSignal,
): Promise<number> {
  const tried = Math.min(layers, MOST_LAYERS);
  let best = { layer: 0, value: -1 };
  for (let i = 0; i < tried; i++) {
    const layer = tried === 1 ? 0 : Math.round((i * (layers - 1)) / (tried - 1));
    const matrix = layerOf(residual, layer, layers);
    const [point] = await crossValidateRidge({
      ...ridgeOptions(matrix, cases, labels, settings, signal),
      grid: [1 / matrix.columns],
      figure: auroc,
    });
    if (point.accuracy > best.value) best = { layer, value: point.accuracy };
  }
  return best.layer;
}

function ridgeOptions(
  matrix: RowMatrix,
  cases: Case[],
  labels: Uint8Array,
  settings: FitSettings,
  signal?: AbortSignal,
) {
  return {
    matrix,
    labels,
    groups: cases.map((one) => one.group),
    strata: cases.map((one) => JSON.stringify([one.class, one.relation])),
    folds: settings.folds,
    seed: settings.seed,
    grid: GRID.map((value) => value / matrix.columns),
    standardise: true,
    signal,
  };
}

/** Decision values of L2 on all columns for other rows, calibrated on the held-out scores. */
async function ridgeScores(
  matrix: RowMatrix,
  on: RowMatrix,
  cases: Case[],
  labels: Uint8Array,
  settings: FitSettings,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const points = await crossValidateRidge({
    ...ridgeOptions(matrix, cases, labels, settings, signal),
    figure: (scores, truth) => accuracy(decisionValues(fitPlatt(scores, truth), scores), truth, 0),
  });
  // All have every column: of equals the smallest C, the strongest penalty.
  const { C } = chooseC(
    points.map((point) => ({ ...point, neurons: 0 })),
    cases.length,
  );
  const { scores, final } = points.find((point) => point.C === C)!;
  return decisionValues(
    fitPlatt(scores, labels),
    await rowScores(on, final.weights, final.intercept, signal),
  );
}

/** w.x + b of each row, by one pass: X w is what a scan of the rows gives, a block of columns at a time. */
async function rowScores(
  matrix: RowMatrix,
  weights: Float64Array,
  intercept: number,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const block = 1 << 15;
  const scores = new Float64Array(matrix.offsets.length).fill(intercept);
  for (let from = 0; from < matrix.columns; from += block) {
    const columns = Array.from({ length: Math.min(block, matrix.columns - from) }, (_, i) => from + i);
    const part = linearScores(
      await gather(matrix, columns, signal),
      columns,
      columns.map((column) => weights[column]),
      0,
    );
    for (let row = 0; row < scores.length; row++) scores[row] += part[row];
  }
  return scores;
}

/** Decision values of the sparse probe, trained on one matrix, for the rows of another. */
async function sparseScores(
  matrix: RowMatrix,
  on: RowMatrix,
  cases: Case[],
  settings: FitSettings,
  signal?: AbortSignal,
): Promise<Float64Array> {
  return scoresOf(await fitDetector({ matrix, cases }, settings, { signal }), on, signal);
}

async function scoresOf(fit: Fit, on: RowMatrix, signal?: AbortSignal): Promise<Float64Array> {
  const gathered = await gather(on, fit.indices, signal);
  return decisionValues(fit.platt, linearScores(gathered, fit.indices, fit.weights, fit.intercept));
}
