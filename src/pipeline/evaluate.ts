import { existsSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { readJsonFile } from '../formats/json-file.js';
import { formatFixed } from '../report/format.js';
import { ReportSchema } from '../report/schema.js';
import { compareScores, type Figures } from '../stats/compare.js';
import { type BaselineScores, type Evaluation, evaluateDetector } from '../stats/evaluate.js';
import { fitFewInputs, logOdds } from '../stats/logistic.js';
import { derive } from '../stats/random.js';
import { answerEntropy, baselineScores, labelsOf } from './baselines.js';
import type { Case } from './cases.js';
import type { RunContext } from './context.js';
import { drawControls, drawLayerMatched, runControls } from './controls.js';
import { writeControls } from './controls-file.js';
import { decisionValues } from './decision.js';
import { type Detector, detectorNeurons, readDetector } from './detector.js';
import type { Fit } from './fit.js';
import { gather, linearScores } from './gather.js';
import { numberGroups } from './groups.js';
import { simpleNeuronBaselines } from './neuron-baselines.js';
import {
  comparePairs,
  fitAnswersOnly,
  type Missing,
  type PairFigures,
  probeQuestion,
  type QuestionProbe,
} from './probes.js';
import { readResponses } from './responses.js';
import { wideBaselines } from './ridge-baselines.js';
import { type EvaluateSettings, type TrainSettings, TrainSettingsSchema } from './settings.js';
import { measureStability } from './stability.js';
import { parseSettings, requireStage, runStage } from './stage.js';
import { collectSettings, type Half, loadHalf, readHeldOut, trainingRows } from './train.js';

/** What the detector adds to the log-probability of the answer, which costs nothing. */
export interface Beyond {
  /** Logistic regression on detector score and log-probability, learned from held-out scores of the training half. */
  combined: Figures;
  /** Combined minus log-probability alone, on the same resamples. */
  difference: Figures;
}

/** The content of `evaluation.json`. */
export interface EvaluationFile {
  test: Evaluation;
  beyond: Beyond;
  question: QuestionProbe | Missing;
  pairs: PairFigures | Missing;
  /** Test cases with the detector's raw score of their answer. */
  scores: { id: string; score: number }[];
}

/**
 * Stage 4 (method.md section 5): the detector on the test half, next to random controls and naive baselines. Writes
 * `evaluation.json` and puts the main figures into `detector.json`.
 */
export async function evaluate(context: RunContext, settings: EvaluateSettings): Promise<boolean> {
  const { folder, emit, signal } = context;
  requireStage(folder, 'train');
  const definition = { stage: 'evaluate' as const, settings: { ...settings } };
  return runStage(folder, definition, context.versions, emit, async (start) => {
    const detector = await readDetector(folder.file('detector.json'));
    const training = await loadHalf(folder, 'train');
    const testHalf = await loadHalf(folder, 'test');
    const { cases, answer } = testHalf;
    const trainSettings = parseSettings(TrainSettingsSchema, requireStage(folder, 'train'), folder.path);
    const { neurons, weights } = detectorNeurons(detector);
    const sets = drawControls({ ...settings, columns: answer.columns, neurons: neurons.length });
    // A detector without neurons has no layers to match.
    const matched =
      neurons.length > 0 ? drawLayerMatched({ ...settings, ffn: detector.model.ffn, neurons }) : [];
    // One pass over each half for the detector and all controls: the features are far larger than what is wanted of them.
    const drawn = [...sets, ...matched].flatMap((set) => [...set]);
    const test = await gather(answer, [...neurons, ...drawn], signal);
    const raw = linearScores(test, neurons, weights, detector.intercept);
    const runs = await runControls({
      sets: [...sets, ...matched],
      training: await gather(trainingRows(training, trainSettings.mode), drawn, signal),
      cases: training.cases,
      test,
      settings: trainSettings,
      signal,
      onProgress: (done, total) =>
        emit({ type: 'progress', step: 'evaluate', done, total, unit: 'controls' }),
    });
    const controls = runs.slice(0, sets.length);
    const layerMatched = runs.slice(sets.length).map((run, seed) => ({ ...run, seed }));
    const labels = labelsOf(cases);
    const groups = numberGroups(cases.map((one) => one.group));
    const answersOnly = await fitAnswersOnly(training, trainSettings, signal);
    const baselines = await allBaselines(context, detector, training, testHalf, trainSettings, answersOnly);
    const combined = await combinedScores(folder.file('held-out.json'), training.cases, cases, raw);
    const figures = evaluateDetector({
      scores: decisionValues(detector.calibration, raw),
      labels,
      relations: cases.map((one) => one.relation),
      groups,
      controls,
      layerMatched: layerMatched.length > 0 ? layerMatched : undefined,
      baselines: [...baselines, combined],
      // The decision values are calibrated already.
      platt: { slope: 1, intercept: 0 },
      seed: settings.seed,
    });
    figures.calibration = { ...figures.calibration, ...detector.calibration };
    const alone = baselines.find(({ name }) => name === 'log-probability')!;
    const design = { labels, groups, strata: labels };
    const beyond = compareScores(combined.scores, alone.scores, design, derive(settings.seed, 'beyond'));
    // The longest part of the stage: what a killed run has finished of it stands.
    const stable = start === 'resume' && existsSync(folder.file('stability.json'));
    if (settings.resamples > 0 && neurons.length > 0 && !stable) {
      await measureStability({
        detector,
        train: training,
        test: testHalf,
        settings: trainSettings,
        resamples: settings.resamples,
        seed: settings.seed,
        path: folder.file('stability.json'),
        signal,
        onProgress: (done, total) =>
          emit({ type: 'progress', step: 'evaluate', done, total, unit: 'fits to resamples' }),
      });
    }
    const file: EvaluationFile = {
      test: figures,
      beyond: {
        combined: pick(figures.baselines.find(({ name }) => name === combined.name)!),
        difference: beyond.difference,
      },
      question: await probeQuestion({
        train: training,
        test: testHalf,
        answersOnly,
        settings: trainSettings,
        groups,
        seed: settings.seed,
        signal,
      }),
      pairs: await comparePairs(folder, detector, answersOnly, signal),
      scores: cases.map(({ id }, i) => ({ id, score: raw[i] })),
    };
    const kinds = { random: controls, 'layer-matched': layerMatched };
    await writeControls(folder.file('controls.json'), detector.model, kinds);
    await writeFileAtomic(folder.file('evaluation.json'), `${JSON.stringify(file)}\n`);
    detector.test = testFigures(figures);
    await writeFileAtomic(folder.file('detector.json'), `${JSON.stringify(detector, null, 2)}\n`);
    return {
      counts: { samples: cases.length, controls: controls.length },
      summary: `accuracy ${formatFixed(figures.accuracy.estimate, 3)}, AUROC ${formatFixed(figures.auroc.estimate, 3)}; random neurons ${formatFixed(figures.control.accuracy.mean, 3)}, ${formatFixed(figures.control.auroc.mean, 3)}`,
    };
  });
}

/** What of `evaluation.json` can be checked by the schema of the report that it goes into. */
const EvaluationSchema = ReportSchema.pick({ test: true, beyond: true, question: true, pairs: true }).extend({
  scores: z.array(z.object({ id: z.string(), score: z.number() })),
});

/** What {@link evaluate} wrote. @throws UserError for a damaged file */
export async function readEvaluation(path: string): Promise<EvaluationFile> {
  const remedy = 'delete it and run hneurons evaluate again';
  return (await readJsonFile(path, EvaluationSchema, remedy)) as EvaluationFile;
}

async function allBaselines(
  context: RunContext,
  detector: Detector,
  train: Half,
  test: Half,
  settings: TrainSettings,
  answersOnly: Fit,
): Promise<BaselineScores[]> {
  const { folder, emit, signal } = context;
  const responses = await readResponses(folder.file('responses.jsonl'), collectSettings(folder).quota);
  const entropies = new Map<string, number>();
  for (const { id, samples } of responses.values())
    entropies.set(id, answerEntropy(samples.map(({ text }) => text)));
  return [
    ...baselineScores(train.cases, test.cases, entropies),
    ...(await simpleNeuronBaselines(train, test, detector.neurons.length, signal)),
    ...(await wideBaselines({
      train,
      test,
      settings,
      answersOnly,
      layers: detector.model.layers,
      signal,
      onProgress: (done, total) =>
        emit({ type: 'progress', step: 'evaluate', done, total, unit: 'baselines' }),
    })),
  ];
}

/** The detector's score together with the log-probability: does it say anything that the latter does not? */
async function combinedScores(
  heldOutPath: string,
  train: Case[],
  test: Case[],
  raw: Float64Array,
): Promise<BaselineScores> {
  const heldOut = new Map((await readHeldOut(heldOutPath)).map(({ id, score }) => [id, score]));
  const scoreOf = (id: string): number => {
    const score = heldOut.get(id);
    if (score !== undefined) return score;
    throw new UserError(`${heldOutPath} lacks the case ${id}; delete it and run hneurons train again`);
  };
  const logProbability = (cases: Case[]) => Float64Array.from(cases, (one) => one.mean_log_probability);
  const model = fitFewInputs(
    [Float64Array.from(train, ({ id }) => scoreOf(id)), logProbability(train)],
    labelsOf(train),
  );
  return {
    name: 'detector + log-prob.',
    description: 'logistic regression on both, learned from held-out scores of the training half',
    kind: 'combined',
    scores: logOdds(model, [raw, logProbability(test)]),
  };
}

const pick = ({ accuracy, auroc }: Figures): Figures => ({ accuracy, auroc });

function testFigures(test: Evaluation): Detector['test'] {
  return {
    faithful: test.faithful,
    hallucinated: test.hallucinated,
    accuracy: test.accuracy,
    auroc: test.auroc,
    relations: test.relations.map(({ small: _, ...figures }) => figures),
    control: {
      sets: test.control.runs.length,
      accuracy: test.control.accuracy.mean,
      auroc: test.control.auroc.mean,
      difference: test.control.difference,
    },
    baselines: test.baselines.map(({ name, auroc, accuracy, difference }) => ({
      name,
      auroc,
      accuracy,
      difference,
    })),
    permutation: test.permutation,
  };
}
