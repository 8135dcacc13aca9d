import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '../formats/atomic.js';
import { type Evaluation, evaluateDetector } from '../stats/evaluate.js';
import { baselineScores } from './baselines.js';
import type { RunContext } from './context.js';
import { drawControls, drawLayerMatched, runControls } from './controls.js';
import { writeControls } from './controls-file.js';
import { decisionValues } from './decision.js';
import { type Detector, detectorNeurons, readDetector } from './detector.js';
import { gather, linearScores } from './gather.js';
import { type EvaluateSettings, TrainSettingsSchema } from './settings.js';
import { requireStage, runStage } from './stage.js';
import { loadHalf, trainingRows } from './train.js';

/** The content of `evaluation.json`. */
export interface EvaluationFile {
  test: Evaluation;
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
  return runStage(folder, definition, context.versions, emit, async () => {
    const detector = await readDetector(folder.file('detector.json'));
    const training = await loadHalf(folder, 'train');
    const { cases, answer } = await loadHalf(folder, 'test');
    const trainSettings = TrainSettingsSchema.parse(requireStage(folder, 'train').settings);
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
    const groups = numberGroups(cases.map((one) => one.group));
    const figures = evaluateDetector({
      scores: decisionValues(detector.calibration, raw),
      labels: Uint8Array.from(cases, (one) => (one.class === 'hallucinated' ? 1 : 0)),
      relations: cases.map((one) => one.relation),
      groups,
      controls,
      layerMatched: layerMatched.length > 0 ? layerMatched : undefined,
      baselines: baselineScores(training.cases, cases),
      // The decision values are calibrated already.
      platt: { slope: 1, intercept: 0 },
      seed: settings.seed,
    });
    figures.calibration = { ...figures.calibration, ...detector.calibration };
    const file: EvaluationFile = { test: figures, scores: cases.map(({ id }, i) => ({ id, score: raw[i] })) };
    const kinds = { random: controls, 'layer-matched': layerMatched };
    await writeControls(folder.file('controls.json'), detector.model, kinds);
    await writeFileAtomic(folder.file('evaluation.json'), `${JSON.stringify(file)}\n`);
    detector.test = testFigures(figures);
    await writeFileAtomic(folder.file('detector.json'), `${JSON.stringify(detector, null, 2)}\n`);
    return {
      counts: { samples: cases.length, controls: controls.length },
      summary: `accuracy ${figures.accuracy.estimate.toFixed(3)}, AUROC ${figures.auroc.estimate.toFixed(3)}; random neurons ${figures.control.accuracy.mean.toFixed(3)}, ${figures.control.auroc.mean.toFixed(3)}`,
    };
  });
}

/** What {@link evaluate} wrote. */
export async function readEvaluation(path: string): Promise<EvaluationFile> {
  return JSON.parse(await readFile(path, 'utf8')) as EvaluationFile;
}

function numberGroups(groups: string[]): number[] {
  const numbers = new Map<string, number>();
  return groups.map((group) => {
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    return numbers.get(group)!;
  });
}

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
    baselines: test.baselines.map(({ name, auroc }) => ({ name, auroc })),
    permutation: test.permutation,
  };
}
