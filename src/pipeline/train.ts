import { z } from 'zod';
import { writeFileAtomic } from '../formats/atomic.js';
import { readJsonFile } from '../formats/json-file.js';
import type { RowMatrix } from '../learn/matrix.js';
import { formatFixed } from '../report/format.js';
import { type Case, readCases } from './cases.js';
import { chooseFrom } from './choose.js';
import type { RunContext } from './context.js';
import { type Detector, detectorModel } from './detector.js';
import { openRows, tensorNames } from './feature-file.js';
import { type FittedGrid, fitGrid } from './fit.js';
import type { RunFolder } from './run-folder.js';
import { type CollectSettings, CollectSettingsSchema, type TrainSettings } from './settings.js';
import type { Split } from './split.js';
import { parseSettings, requireStage, runStage } from './stage.js';
import { scoreQuestions, suppressedScores } from './suppress.js';

/** Stage 3 (method.md section 4): `detector.json` from the training half of the features. */
export async function train(context: RunContext, settings: TrainSettings): Promise<boolean> {
  const { folder, emit, signal } = context;
  requireStage(folder, 'extract');
  const definition = { stage: 'train' as const, settings: { ...settings } };
  return runStage(folder, definition, context.versions, emit, async () => {
    const half = await loadHalf(folder, 'train');
    const matrix = trainingRows(half, settings.mode);
    const samples = half.cases.length;
    const rows = matrix.offsets.length;
    const fitted = await fitGrid({ matrix, cases: half.cases }, settings, {
      signal,
      onFit: (done, total) => emit({ type: 'progress', step: 'train', done, total, unit: 'fits' }),
    });
    const known =
      settings.select === 'accuracy'
        ? []
        : scoreQuestions(half.cases, settings.scoreQuestions, settings.seed);
    if (settings.select !== 'accuracy' && known.length === 0) {
      emit({ type: 'note', message: 'C is chosen by accuracy alone: no question has an answer to be known' });
    }
    const selection = known.length > 0 ? await measureSuppressed(context, known, fitted) : undefined;
    const select = selection ? settings.select : 'accuracy';
    const { C } = chooseFrom(fitted.grid, select, samples);
    const fit = fitted.at(C);
    const { model } = folder.manifest;
    const detector: Detector = {
      schema: 'hneurons/detector',
      version: 1,
      model: detectorModel(model),
      promptStyle: collectSettings(folder).promptStyle,
      ...(folder.manifest.promptDate !== undefined && { promptDate: folder.manifest.promptDate }),
      mode: settings.mode,
      C: fit.C,
      intercept: fit.intercept,
      neurons: Array.from(fit.indices, (flat, i) => ({
        layer: Math.floor(flat / model.ffn),
        index: flat % model.ffn,
        weight: fit.weights[i],
      })),
      calibration: fit.platt,
      training: {
        samples,
        rows,
        folds: settings.folds,
        grid: fit.grid,
        select,
        ...(selection && { score: selection }),
      },
      test: null,
    };
    const heldOut = half.cases.map(({ id }, i) => ({ id, score: fit.heldOut[i] }));
    await writeFileAtomic(folder.file('held-out.json'), `${JSON.stringify(heldOut)}\n`);
    await writeFileAtomic(folder.file('detector.json'), `${JSON.stringify(detector, null, 2)}\n`);
    const chosen = fit.grid.find((point) => point.C === fit.C)!;
    return {
      counts: {
        samples,
        rows,
        neurons: chosen.neurons,
        hNeurons: chosen.hNeurons,
      },
      summary:
        `${chosen.hNeurons} H-Neurons (${chosen.neurons - chosen.hNeurons} anti-associated), C ${fit.C}, accuracy ${formatFixed(chosen.accuracy, 3)} in cross-validation` +
        (selection ? `, ${formatFixed(chosen.suppressed!, 2)} of known questions right without them` : ''),
    };
  });
}

/** Asks the model with the H-Neurons of each C suppressed, and enters the scores into the grid. */
async function measureSuppressed(
  context: RunContext,
  known: Case[],
  fitted: FittedGrid,
): Promise<Detector['training']['score']> {
  const { folder, emit } = context;
  const engine = await context.engine();
  const { promptStyle, maxTokens } = collectSettings(folder);
  emit({ type: 'start', step: 'suppress', label: 'suppress the neurons of each C' });
  const began = performance.now();
  const { questions, unsuppressed, scores } = await suppressedScores({
    engine,
    questions: known,
    points: fitted.grid.map(({ C }, i) => ({ C, neurons: fitted.hNeurons[i] })),
    promptStyle,
    maxTokens,
    path: folder.file('suppressed.jsonl'),
    onProgress: (done, total) => emit({ type: 'progress', step: 'suppress', done, total, unit: 'answers' }),
  });
  fitted.grid.forEach((point, i) => {
    point.suppressed = scores[i];
  });
  emit({
    type: 'end',
    step: 'suppress',
    seconds: (performance.now() - began) / 1000,
    summary: `${questions} known questions, ${formatFixed(unsuppressed, 2)} right as it is, ${formatFixed(Math.min(...scores), 2)} to ${formatFixed(Math.max(...scores), 2)} without H-Neurons`,
  });
  return { questions, unsuppressed };
}

const HeldOutSchema = z.array(z.object({ id: z.string(), score: z.number() }));

/** Raw score of each training case by the model that was fitted without its fold, at the chosen C: what {@link train} wrote. */
export async function readHeldOut(path: string): Promise<z.infer<typeof HeldOutSchema>> {
  return readJsonFile(path, HeldOutSchema, 'delete it and run hneurons train again');
}

/** The cases of one split with their features: a row for each case. */
export interface Half {
  cases: Case[];
  /** Mean CETT over the answer tokens, over all other tokens, and over the question's own tokens, `[cases, layers * ffn]`. */
  answer: RowMatrix;
  other: RowMatrix;
  /** Zeros in the row of a case whose `question_start` is null. Undefined in files from before it was read. */
  question?: RowMatrix;
  /**
   * The residual stream after each layer, mean over the answer tokens, `[cases, layers * hidden]`. Undefined where
   * llama.cpp's graph of the architecture does not show it, and in older files.
   */
  residual?: RowMatrix;
}

/** Reads the cases of a split and finds their rows in the feature file. */
export async function loadHalf(folder: Pick<RunFolder, 'file' | 'manifest'>, split: Split): Promise<Half> {
  const all = await readCases(folder.file('cases.jsonl'));
  const { layers, ffn, hidden } = folder.manifest.model;
  const path = folder.file('features.safetensors');
  const neurons = layers * ffn;
  const there = await tensorNames(path);
  const rows = await openRows(path, all.length, { answer: neurons, other: neurons });
  const open = async (name: string, columns: number) =>
    there.has(name) ? (await openRows(path, all.length, { [name]: columns }))[name] : undefined;
  const question = await open('question', neurons);
  const residual = await open('residual', layers * hidden);
  const ofSplit = (_: unknown, row: number) => all[row].split === split;
  const select = (matrix: RowMatrix): RowMatrix => ({ ...matrix, offsets: matrix.offsets.filter(ofSplit) });
  return {
    cases: all.filter(ofSplit),
    answer: select(rows.answer),
    other: select(rows.other),
    question: question && select(question),
    residual: residual && select(residual),
  };
}

/** What a detector is trained on: the answers of all cases, and in 3-vs-1 their other tokens. */
export function trainingRows({ answer, other }: Half, mode: TrainSettings['mode']): RowMatrix {
  if (mode === '1-vs-1') return answer;
  return { ...answer, offsets: Float64Array.from([...answer.offsets, ...other.offsets]) };
}

/** The settings under which the responses of a run were collected. */
export function collectSettings(folder: RunFolder): CollectSettings {
  return parseSettings(CollectSettingsSchema, requireStage(folder, 'collect'), folder.path);
}
