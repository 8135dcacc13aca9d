import { existsSync, readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { fileError } from '../formats/file-error.js';
import { decodeHalves } from '../formats/float16.js';

import { openSafetensors, type TensorInfo } from '../formats/safetensors.js';
import { type Case, readCases } from '../pipeline/cases.js';
import { detectorNeurons, readDetector } from '../pipeline/detector.js';
import type { Manifest } from '../pipeline/manifest.js';
import { recordLines } from '../pipeline/records.js';
import { readResponses } from '../pipeline/responses.js';
import { readManifest } from '../pipeline/run-folder.js';
import { type CollectSettings, CollectSettingsSchema } from '../pipeline/settings.js';
import type { Split } from '../pipeline/split.js';
import { parseSettings } from '../pipeline/stage.js';
import { LOCATIONS, type Location, writeActivation } from './activations.js';
import { answerTokensLine } from './answer-tokens.js';
import { writeClassifier } from './classifier.js';
import { writeIds } from './ids.js';
import { judgeOf, toQid, withoutGap, withRequest } from './names.js';
import { samplesLine } from './samples.js';

export const EXPORTS = ['samples', 'answer-tokens', 'ids', 'activations', 'classifier'] as const;
export type Export = (typeof EXPORTS)[number];

/** Says that a folder is an export, and of what. */
const EXPORT_FILE = 'export.json';

const SPLITS: Split[] = ['train', 'test'];

/** What is written of a question. */
const QuestionLine = z.object({
  id: z.string(),
  question: z.string(),
  aliases: z.array(z.string()),
  split: z.enum(['train', 'test']),
});

export interface Exported {
  format: Export;
  /** Files or folders, relative to the export. */
  files: string[];
  /** How many questions, or weights, are in each of them. */
  counts: number[];
  /** Questions that were given up before their class was decided, and are left out. */
  undecided?: number;
}

interface Source {
  run: string;
  out: string;
  manifest: Manifest;
  settings: CollectSettings;
  signal?: AbortSignal;
  onProgress: (done: number, total: number) => void;
}

/**
 * Writes what the published scripts read, from a run folder into `out`: training and test questions in files of their
 * own, named `train_…` and `test_…`.
 *
 * @param options.formats default: all that the run has so far
 * @param options.force write into a folder that holds other things too, over files of the same names
 * @throws UserError when the run has not come far enough for a format, the folder holds other things, or a file cannot be
 *   written.
 */
export async function exportRun(options: {
  run: string;
  out: string;
  formats?: Export[];
  force?: boolean;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}): Promise<Exported[]> {
  const { run, out } = options;
  const manifest = readManifest(run);
  if (manifest === undefined) throw new UserError(`there is no run in ${run}; name its folder with --run`);
  const collected = manifest.stages.collect;
  if (collected?.status !== 'done') {
    throw new UserError(`${run} has no finished collect stage; run: hneurons collect --out ${run}`);
  }
  const source: Source = {
    run,
    out,
    manifest,
    settings: parseSettings(CollectSettingsSchema, collected, run),
    signal: options.signal,
    onProgress: options.onProgress ?? (() => {}),
  };
  const ready: Record<Export, boolean> = {
    samples: true,
    'answer-tokens': true,
    ids: true,
    activations: manifest.stages.extract?.status === 'done',
    classifier: manifest.stages.train?.status === 'done',
  };
  const formats = options.formats ?? EXPORTS.filter((format) => ready[format]);
  const missing = formats.find((format) => !ready[format]);
  if (missing) {
    const stage = missing === 'activations' ? 'extract' : 'train';
    throw new UserError(`${run} has no finished ${stage} stage; run: hneurons ${stage} --out ${run}`);
  }
  if (!options.force) checkEmpty(out);
  const { name, sha256, layers, ffn } = manifest.model;
  const head = { schema: 'hneurons/export', version: 1, run, model: { name, sha256, layers, ffn }, formats };
  await writeFileAtomic(join(out, EXPORT_FILE), `${JSON.stringify(head, null, 2)}\n`);
  const writers: Record<Export, (source: Source) => Promise<Omit<Exported, 'format'>>> = {
    samples: exportSamples,
    'answer-tokens': exportAnswerTokens,
    ids: exportIds,
    activations: exportActivations,
    classifier: exportClassifier,
  };
  const done: Exported[] = [];
  for (const format of formats) done.push({ format, ...(await writers[format](source)) });
  return done;
}

/** Only an empty folder, or one that an export has made, is written to: an interrupted export is done again. */
function checkEmpty(out: string): void {
  let names: string[];
  try {
    names = existsSync(out) ? readdirSync(out) : [];
  } catch (error) {
    throw fileError(error, 'read', out);
  }
  if (names.length > 0 && !names.includes(EXPORT_FILE)) {
    throw new UserError(
      `${out} holds other files; choose another --out, or write among them with --force (files of the same names are replaced)`,
    );
  }
}

async function exportSamples({ run, out, settings }: Source): Promise<Omit<Exported, 'format'>> {
  const responses = await readResponses(join(run, 'responses.jsonl'), settings.quota);
  const lines: Record<Split, string[]> = { train: [], test: [] };
  let undecided = 0;
  const what = 'not a question of this version of hneurons; run collect again';
  for await (const question of recordLines(join(run, 'questions.jsonl'), QuestionLine, what)) {
    const response = responses.get(question.id);
    if (response === undefined) continue;
    // Given up early, it may look consistent in the few samples that it has.
    if (response.class === 'full' || response.samples.length === 0) {
      undecided++;
      continue;
    }
    const line = samplesLine(toQid(question.id), {
      question: withRequest(question.question, settings.promptStyle),
      responses: response.samples.map(({ text }) => withoutGap(text, settings.promptStyle)),
      judges: response.samples.map(({ verdict }) => judgeOf(verdict)),
      aliases: question.aliases,
    });
    lines[question.split].push(`${JSON.stringify(line)}\n`);
  }
  const files = await writeSplits(out, 'samples.jsonl', (split) => lines[split].join(''));
  return { files, counts: SPLITS.map((split) => lines[split].length), undecided };
}

async function exportAnswerTokens({ run, out, settings }: Source): Promise<Omit<Exported, 'format'>> {
  const cases = await readCases(join(run, 'cases.jsonl'));
  const text = (one: Case) => {
    const answer = [one.answer_start - one.response_start, one.answer_end - one.response_start];
    const line = answerTokensLine(toQid(one.id), {
      question: withRequest(one.question, settings.promptStyle),
      response: withoutGap(one.response, settings.promptStyle),
      tokens: one.token_texts,
      answerTokens: one.token_texts.slice(...answer),
      judge: one.class === 'faithful' ? 'true' : 'false',
    });
    return `${JSON.stringify(line)}\n`;
  };
  const of = (split: Split) => cases.filter((one) => one.split === split);
  const files = await writeSplits(out, 'answer_tokens.jsonl', (split) => of(split).map(text).join(''));
  return { files, counts: SPLITS.map((split) => of(split).length) };
}

async function writeSplits(out: string, name: string, text: (split: Split) => string): Promise<string[]> {
  const files = SPLITS.map((split) => `${split}_${name}`);
  for (const [i, split] of SPLITS.entries()) await writeFileAtomic(join(out, files[i]), text(split));
  return files;
}

async function exportIds({ run, out }: Source): Promise<Omit<Exported, 'format'>> {
  const cases = await readCases(join(run, 'cases.jsonl'));
  const files = SPLITS.map((split) => `${split}_qids.json`);
  const counts: number[] = [];
  for (const [i, split] of SPLITS.entries()) {
    const of = (kind: Case['class']) =>
      cases.filter((one) => one.split === split && one.class === kind).map(({ id }) => id);
    const ids = { true: of('faithful'), false: of('hallucinated') };
    await writeIds(join(out, files[i]), ids);
    counts.push(ids.true.length + ids.false.length);
  }
  return { files, counts };
}

async function exportActivations(source: Source): Promise<Omit<Exported, 'format'>> {
  const { run, out, manifest, signal, onProgress } = source;
  const cases = await readCases(join(run, 'cases.jsonl'));
  const path = join(run, 'features.safetensors');
  const { tensors } = await openSafetensors(path);
  const shape: [number, number] = [manifest.model.layers, manifest.model.ffn];
  const locations = Object.keys(LOCATIONS) as Location[];
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    for (const [row, { id }] of cases.entries()) {
      signal?.throwIfAborted();
      onProgress(row, cases.length);
      for (const location of locations) {
        const values = await readRow(file, path, tensors.get(location), row, [cases.length, ...shape]);
        await writeActivation(join(out, 'activations'), location, id, shape, values);
      }
    }
  } finally {
    await file.close();
  }
  const files = locations.map((location) => join('activations', LOCATIONS[location]));
  return { files, counts: locations.map(() => cases.length) };
}

async function readRow(
  file: Awaited<ReturnType<typeof open>>,
  path: string,
  tensor: TensorInfo | undefined,
  row: number,
  [rows, layers, ffn]: number[],
): Promise<Float32Array> {
  const size = tensor?.dtype === 'F16' ? 2 : 4;
  const bytes = layers * ffn * size;
  if (!tensor || !['F32', 'F16'].includes(tensor.dtype) || tensor.bytes !== rows * bytes) {
    throw new UserError(`${path} does not hold ${rows} x ${layers * ffn} features; run extract again`);
  }
  const buffer = new Uint8Array(bytes);
  await file.read(buffer, 0, bytes, tensor.offset + row * bytes);
  if (size === 4) return new Float32Array(buffer.buffer);
  const values = new Float32Array(layers * ffn);
  decodeHalves(new Uint16Array(buffer.buffer), values);
  return values;
}

async function exportClassifier({ run, out }: Source): Promise<Omit<Exported, 'format'>> {
  const detector = await readDetector(join(run, 'detector.json'));
  const { neurons, weights } = detectorNeurons(detector);
  const coef = new Float64Array(detector.model.layers * detector.model.ffn);
  neurons.forEach((flat, i) => {
    coef[flat] = weights[i];
  });
  const folder = join(out, 'classifier');
  await writeClassifier(folder, { coef, intercept: detector.intercept });
  return { files: ['classifier'], counts: [neurons.length] };
}
