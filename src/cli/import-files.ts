import { statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { PromptKind } from '../engine/text/prompt.js';
import { UserError } from '../errors.js';
import { detectFormat, type Format } from '../exchange/detect.js';
import {
  countReasons,
  type Gathered,
  gatherImport,
  type ImportedQuestion,
  type ImportOptions,
} from '../exchange/gather.js';
import { importClassifier } from '../exchange/import-classifier.js';
import { hasActivations, importFeatures } from '../exchange/import-features.js';
import { importRun, placeQuestions, SKIPPED_FILE } from '../exchange/import-run.js';
import type { MeaningOfOne } from '../exchange/judged.js';
import type { Skip } from '../exchange/records.js';
import { describeLost } from '../exchange/scripts.js';
import { fileName } from '../formats/file-name.js';
import { readJsonl } from '../formats/jsonl.js';
import type { Judge, Opened } from '../judge/types.js';
import type { Listener } from '../pipeline/events.js';
import { runStages } from '../pipeline/find.js';
import { hashFile, hashText, stableJson } from '../pipeline/fingerprint.js';
import type { StageName } from '../pipeline/manifest.js';
import { describeQuestionSet, identifyModel } from '../pipeline/run.js';
import { openRunFolder } from '../pipeline/run-folder.js';
import {
  DEFAULT_SEED,
  makeCollectSettings,
  makeEvaluateSettings,
  makeExtractSettings,
  makeTrainSettings,
  type TrainSettings,
} from '../pipeline/settings.js';
import { printRun } from './commands/print-run.js';
import { inFolder } from './commands/run.js';
import { judgeOverrides, judgeSettings, openJudgeOf } from './judges.js';
import { DEFAULT_MODEL, type EngineFlags, type JudgeFlags, type OutputOptions } from './options.js';
import { findModel, type Session, withProgress } from './session.js';

export interface ImportFlags extends OutputOptions, EngineFlags, JudgeFlags {
  files: string[];
  test?: string[];
  format?: Format;
  model?: string;
  out?: string;
  promptStyle?: PromptKind | 'auto';
  rejudge?: boolean;
  label1?: MeaningOfOne;
  minCorrect?: number;
  maxCorrect?: number;
  quota?: number;
  mode?: TrainSettings['mode'];
  find?: boolean;
  seed?: number;
  force?: boolean;
}

/** So many reasons why something was left out are told; all are in the file. */
const REASONS_TOLD = 5;

/** `hneurons import`: a run folder from imported responses, or a detector file from a classifier. */
export async function runImport(session: Session, flags: ImportFlags): Promise<void> {
  const [first] = flags.files;
  const format = flags.format ?? (flags.files.length === 1 ? await detectFormat(first) : undefined);
  if (format === 'classifier') return runImportClassifier(session, flags, first);
  const options: ImportOptions & { judge?: Opened<Judge> } = {
    paths: flags.files,
    testPaths: flags.test ?? [],
    format: flags.format,
    one: flags.label1,
    minCorrect: flags.minCorrect,
    maxCorrect: flags.maxCorrect,
  };
  const { path, last } = await withProgress(session, flags, async (emit) => {
    const gathered = await gather(session, flags, options, emit);
    const path = await intoRun(session, flags, options, gathered, emit);
    const last: StageName = flags.find ? 'report' : gathered.activations ? 'extract' : 'collect';
    return { path, last };
  });
  await printRun(session, flags, path, last);
}

/** Reads the files; with `--rejudge` their responses are judged again. */
async function gather(
  session: Session,
  flags: ImportFlags,
  options: ImportOptions & { judge?: Opened<Judge> },
  emit: Listener,
): Promise<Gathered> {
  if (!flags.rejudge) return gatherImport(options);
  options.judge = await openJudgeOf(session, flags, await judgeSettings(flags), emit);
  try {
    return await gatherImport(options);
  } finally {
    await options.judge.close();
  }
}

async function intoRun(
  session: Session,
  flags: ImportFlags,
  options: ImportOptions,
  { questions: imported, activations, skipped }: Gathered,
  emit: Listener,
): Promise<string> {
  const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
  const { identity, promptKind, promptDate } = await identifyModel(
    found,
    session.environment,
    session.signal,
  );
  const seed = flags.seed ?? DEFAULT_SEED;
  const { questions, placed } = placeQuestions(imported, seed, skipped);
  const settings = makeCollectSettings({
    samples: placed.reduce((most, { samples }) => Math.max(most, samples.length), 1),
    minCorrect: flags.minCorrect,
    maxCorrect: flags.maxCorrect,
    promptStyle: await promptKind(flags.promptStyle ?? 'auto', (message) => emit({ type: 'note', message })),
    quota: flags.quota ?? null,
    ...(flags.rejudge && judgeOverrides(flags, await judgeSettings(flags))),
    seed,
  });
  const files = [...options.paths, ...options.testPaths];
  const name = fileName(basename(files[0], extname(files[0])));
  const folder = await openRunFolder(
    flags.out ?? join('runs', `${fileName(identity.name)}-${name}`),
    {
      ...{ model: identity, questions: describeQuestionSet(files.join(', '), questions), seed },
      ...promptDate(settings.promptStyle),
    },
    {
      command: session.command,
      force: flags.force,
      onNotice: (message) => emit({ type: 'note', message }),
    },
  );
  await inFolder(session, flags, emit, folder, async (context) => {
    await importRun(context, {
      placed,
      skipped,
      settings,
      source: await hashImport(options),
      ready: activations && ((id) => hasActivations(activations, id)),
    });
    await tellSkipped(folder.file(SKIPPED_FILE), emit);
    tellCutOff(placed, emit);
    if (activations) {
      await importFeatures(context, activations, hashText(stableJson([...activations].map(describeFiles))));
    }
    if (!flags.find) return;
    await runStages(context, [...(activations ? [] : ['extract' as const]), 'train', 'evaluate', 'report'], {
      questions: placed,
      collect: settings,
      extract: makeExtractSettings(),
      train: makeTrainSettings({ seed }),
      evaluate: makeEvaluateSettings({ seed }),
    });
  });
  return folder.path;
}

/** What decides an import: the content of its files, and how they are read. */
async function hashImport(options: ImportOptions): Promise<string> {
  const { paths, testPaths, judge, ...how } = options;
  const hashes = async (list: string[]) => {
    const files = list.filter((path) => !statSync(path).isDirectory());
    return Promise.all(files.map((path) => hashFile(path)));
  };
  return hashText(
    stableJson({ ...how, judge: judge?.name, train: await hashes(paths), test: await hashes(testPaths) }),
  );
}

function describeFiles([location, files]: [string, Map<string, string>]): unknown {
  return [location, [...files.values()].map((path) => [path, statSync(path).size, statSync(path).mtimeMs])];
}

/** Says what was left out and why, the most frequent reasons first. */
async function tellSkipped(path: string, emit: Listener): Promise<void> {
  const skipped: Skip[] = [];
  for await (const { value } of readJsonl(path)) skipped.push(value as Skip);
  if (skipped.length === 0) return;
  const lost = describeLost(skipped);
  if (lost !== undefined) emit({ type: 'note', message: lost });
  const reasons = countReasons(skipped);
  const told = reasons.slice(0, REASONS_TOLD).map(([reason, count]) => `${count} x ${reason}`);
  const more = reasons.length > REASONS_TOLD ? `; and ${reasons.length - REASONS_TOLD} more reasons` : '';
  emit({
    type: 'note',
    message: `${skipped.length} left out, each listed in ${path}: ${told.join('; ')}${more}`,
  });
}

/** Says how many responses a token limit cut off: a right answer may have been on its way. */
function tellCutOff(questions: ImportedQuestion[], emit: Listener): void {
  const samples = questions.flatMap((question) => question.samples);
  const cut = samples.filter(({ cutOff }) => cutOff);
  if (cut.length === 0) return;
  const wrong = cut.filter(({ verdict }) => verdict === 'wrong').length;
  emit({
    type: 'note',
    message: `${cut.length} of ${samples.length} responses were cut off at a token limit, and ${wrong} of these count as made up: a right answer may have been on its way`,
  });
}

async function runImportClassifier(session: Session, flags: ImportFlags, path: string): Promise<void> {
  const { out } = flags;
  if (!out?.endsWith('.json')) {
    throw new UserError('a classifier needs --out FILE.json, the detector file to write', { exitCode: 2 });
  }
  const detector = await withProgress(session, flags, async (emit) => {
    const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
    const { identity, promptKind, promptDate } = await identifyModel(
      found,
      session.environment,
      session.signal,
    );
    const promptStyle = await promptKind(flags.promptStyle ?? 'auto', (message) =>
      emit({ type: 'note', message }),
    );
    return importClassifier({
      path,
      out,
      model: identity,
      promptStyle,
      ...promptDate(promptStyle),
      mode: flags.mode ?? '3-vs-1',
    });
  });
  session.stdout.write(flags.json ? `${JSON.stringify({ out, detector })}\n` : `${out}\n`);
}
