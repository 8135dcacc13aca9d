import { existsSync } from 'node:fs';
import type { RowMatrix } from '../learn/matrix.js';
import { compareScores, type Figures } from '../stats/compare.js';
import type { Interval } from '../stats/interval.js';
import { derive } from '../stats/random.js';
import { wilsonInterval } from '../stats/wilson.js';
import { labelsOf } from './baselines.js';
import { decisionValues } from './decision.js';
import { type Detector, detectorNeurons } from './detector.js';
import { type Fit, type FitSettings, fitDetector } from './fit.js';
import { gather, linearScores } from './gather.js';
import { loadPairs } from './pairs.js';
import type { RunFolder } from './run-folder.js';
import type { Half } from './train.js';

/** Why a test could not be made. */
export interface Missing {
  missing: string;
}

/** The probe on the tokens of the question alone, which come before any answer. */
export interface QuestionProbe {
  /** Test cases whose question could be found in the prompt. */
  samples: number;
  neurons: number;
  question: Figures;
  /** The same probe (answer tokens of both classes, 1-vs-1) on the answers of the same cases. */
  answer: Figures;
  /** Answer minus question, on the same resamples. */
  difference: Figures;
}

/** Of mixed questions: how often a wrong answer scores higher than a right one to the same question, ties half. */
export interface PairFigures {
  pairs: number;
  /** By the detector, by the one trained on answers alone (1-vs-1), and by the log-probability. */
  detector: Interval;
  answersOnly: Interval;
  logProbability: Interval;
}

/** The probe of the detector's settings, trained on answer tokens alone. */
export async function fitAnswersOnly(train: Half, settings: FitSettings, signal?: AbortSignal): Promise<Fit> {
  return fitDetector(
    { matrix: train.answer, cases: train.cases },
    { ...settings, mode: '1-vs-1' },
    { signal },
  );
}

/**
 * Does the detector see a false answer, or just a hard question? Trains the same probe on the question's own tokens. Cases whose
 * question was not found in the prompt are left out.
 */
export async function probeQuestion(options: {
  train: Half;
  test: Half;
  answersOnly: Fit;
  settings: FitSettings;
  groups: number[];
  seed: number;
  signal?: AbortSignal;
}): Promise<QuestionProbe | Missing> {
  const { train, test, settings, signal } = options;
  if (!train.question || !test.question) {
    return { missing: 'these features were read without the question tokens; run extract again' };
  }
  const [trained, tested] = [foundIn(train), foundIn(test)];
  const classes = [trained, tested].map((places) => new Set(places.map(({ kind }) => kind)).size);
  if (classes.includes(1) || classes.includes(0)) {
    return { missing: 'the questions could not be found in the prompts' };
  }
  const fit = await fitDetector(
    { matrix: rowsOf(train.question, trained), cases: trained.map(({ at }) => train.cases[at]) },
    { ...settings, mode: '1-vs-1' },
    { signal },
  );
  const scores = async (by: Fit, matrix: RowMatrix) => {
    const gathered = await gather(rowsOf(matrix, tested), by.indices, signal);
    return decisionValues(by.platt, linearScores(gathered, by.indices, by.weights, by.intercept));
  };
  const labels = labelsOf(tested.map(({ at }) => test.cases[at]));
  const design = { labels, strata: labels, groups: tested.map(({ at }) => options.groups[at]) };
  const ofQuestion = await scores(fit, test.question);
  const ofAnswer = await scores(options.answersOnly, test.answer);
  const stream = () => derive(options.seed, 'question');
  const { difference, ...question } = compareScores(ofAnswer, ofQuestion, design, stream());
  const { accuracy, auroc } = compareScores(ofQuestion, ofAnswer, design, stream());
  return {
    samples: tested.length,
    neurons: fit.indices.length,
    question,
    answer: { accuracy, auroc },
    difference,
  };
}

interface Place {
  at: number;
  kind: string;
}

function foundIn({ cases }: Half): Place[] {
  return cases.flatMap((one, at) => (one.question_start === null ? [] : [{ at, kind: one.class }]));
}

function rowsOf(matrix: RowMatrix, places: Place[]): RowMatrix {
  return { ...matrix, offsets: Float64Array.from(places, ({ at }) => matrix.offsets[at]) };
}

/**
 * Within one question: mixed questions have right and wrong samples, and a detector that only tells hard questions from easy
 * ones cannot tell them apart.
 */
export async function comparePairs(
  folder: RunFolder,
  detector: Detector,
  answersOnly: Fit,
  signal?: AbortSignal,
): Promise<PairFigures | Missing> {
  if (!existsSync(folder.file('pairs.safetensors'))) {
    return { missing: 'this run has no pairs of answers to one question; run collect and extract again' };
  }
  const { pairs, right, wrong } = await loadPairs(folder);
  if (pairs.length === 0) return { missing: 'no test question had both a right and a wrong answer' };
  const { neurons, weights } = detectorNeurons(detector);
  const rate = async (columns: ArrayLike<number>, by: ArrayLike<number>) => {
    const scores = async (matrix: RowMatrix) =>
      linearScores(await gather(matrix, Array.from(columns), signal), columns, by, 0);
    return higherRate(await scores(wrong), await scores(right));
  };
  return {
    pairs: pairs.length,
    detector: await rate(neurons, weights),
    answersOnly: await rate(answersOnly.indices, answersOnly.weights),
    // The wrong one should be the less probable one.
    logProbability: higherRate(
      pairs.map((pair) => pair.right.mean_log_probability),
      pairs.map((pair) => pair.wrong.mean_log_probability),
    ),
  };
}

/** How often the first of two paired values is the higher one, ties half, with Wilson's interval. */
export function higherRate(first: ArrayLike<number>, second: ArrayLike<number>): Interval {
  let higher = 0;
  for (let i = 0; i < first.length; i++) {
    higher += first[i] > second[i] ? 1 : first[i] === second[i] ? 0.5 : 0;
  }
  return wilsonInterval(higher, first.length);
}
