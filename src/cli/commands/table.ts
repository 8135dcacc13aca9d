import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';
import type { Controls } from '../../pipeline/controls-file.js';
import type { Detector } from '../../pipeline/detector.js';
import type { Listener } from '../../pipeline/events.js';
import type { Manifest } from '../../pipeline/manifest.js';
import type { Dataset } from '../../pipeline/table/set.js';
import type { TableSettings } from '../../pipeline/table/table.js';
import type { Table } from '../../report/table/schema.js';
import { countsLine, judgeSettings, openJudgeOf, openSpansOf } from '../judges.js';
import {
  addJudge,
  addSpans,
  DEFAULT_MODEL,
  type EngineFlags,
  engineChoice,
  integer,
  type JudgeFlags,
  type OutputOptions,
} from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';

export interface TableFlags extends OutputOptions, EngineFlags, JudgeFlags {
  detector: string;
  datasets: string;
  out?: string;
  model?: string;
  limit?: number;
  quota?: number;
  seed?: number;
  force?: boolean;
}

/** Matched samples of each class after which a data set has enough, and most questions asked of one. */
const QUOTA = 200;
export const LIMIT = 4000;

const MIRROR = 'nonexist-mirror';

/** Adds to `evaluate` what it needs to test a detector on data sets. */
export function addTableOptions(command: Command): Command {
  command
    .option('--detector <file>', 'with --datasets: the detector.json to test')
    .option(
      '--datasets <list>',
      'test on other data sets: names, NAME=FILE or files, with commas between them; writes a table',
    )
    .option(
      '--quota <n>',
      `with --datasets: matched samples of each class after which one has enough (default: ${QUOTA})`,
      integer(1),
    )
    .option(
      '--limit <n>',
      `with --datasets: most questions asked of a data set (default: ${LIMIT})`,
      integer(1),
    )
    .option('--force', 'with --datasets: also with another file of the same shape than it was trained on');
  return addSpans(addJudge(command)).addHelpText(
    'after',
    `
Examples:
  $ hneurons evaluate --out runs/gemma-3-270m-builtin
  $ hneurons evaluate --detector runs/gemma-3-270m-builtin/detector.json --datasets triviaqa,nq-open,nonexist,facts
  $ hneurons evaluate --detector detector.json --datasets bioasq=bioasq.jsonl,mine.csv --out table`,
  );
}

/** Whether `evaluate` was called for a table. Throws a UserError when only a half of what it takes was given. */
export function wantsTable(flags: { detector?: string; datasets?: string }): flags is TableFlags {
  if ((flags.detector === undefined) !== (flags.datasets === undefined)) {
    throw new UserError(
      'to test a detector on data sets give both --detector and --datasets; without them evaluate works on --out',
      { exitCode: 2 },
    );
  }
  return flags.detector !== undefined;
}

/** `hneurons evaluate --detector D --datasets …`: the detector on data sets that it was not trained on. */
export async function runTable(session: Session, flags: TableFlags): Promise<void> {
  const specs = parseSpecs(flags.datasets);
  const { readDetector, checkDetectorModel } = await import('../../pipeline/detector.js');
  const { readManifest, lock } = await import('../../pipeline/run-folder.js');
  const { readTrainingQuestions } = await import('../../pipeline/table/unseen.js');
  const { identifyModel, lazyEngine } = await import('../../pipeline/run.js');
  const { makeTable } = await import('../../pipeline/table/table.js');

  const detector = await readDetector(flags.detector);
  const home = dirname(flags.detector);
  const out = flags.out ?? join(home, 'table');
  const manifest = readManifest(home);
  const controls = await readControlsBeside(home, detector);
  const training = await readTrainingQuestions(join(home, 'questions.jsonl'));
  const settings = await tableSettings(flags, manifest, detector);
  const judges = await judgeSettings(flags);

  const table = await withProgress(session, flags, async (emit) => {
    const datasets = await openDatasets(session, specs, settings.seed, emit);
    const found = await findModel(session, flags.model ?? manifest?.model.path ?? DEFAULT_MODEL, emit);
    const { identity, title } = await identifyModel(found, session.environment, session.signal);
    // A run knows its model by the name that the user gave it, its path alone does not tell that.
    const own = manifest?.model.sha256 === identity.sha256;
    const model = own ? { ...identity, name: manifest.model.name, source: manifest.model.source } : identity;
    checkDetectorModel(detector, model, flags.force ?? false);
    const { environment, signal } = session;
    const engine = lazyEngine(async () => {
      emit({ type: 'start', step: 'model', label: 'load model' });
      const opened = await environment.openEngine({ ...engineChoice(flags), modelPath: found.path, signal });
      opened.model.promptDate = detector.promptDate;
      return opened;
    });
    const ends: (() => unknown)[] = [engine.close];
    try {
      ends.push(lock(out));
      const judge = await openJudgeOf(session, flags, judges, emit);
      ends.push(judge.close);
      const spans = await openSpansOf(session, flags, judges, emit);
      ends.push(spans.close);
      const made = await makeTable(
        { engine: engine.get, emit, signal, out },
        {
          detector,
          controls,
          training,
          datasets,
          settings,
          judging: { judge, spans, markers: judges.markers },
          model,
          modelNames: [model.name, model.source, basename(found.path), title],
          command: session.command,
          version: session.version,
        },
      );
      const counts = [judge.counts(), spans.counts()].flatMap((each) => countsLine(each) ?? []);
      for (const message of counts) emit({ type: 'note', message });
      if (own && resolve(out) === resolve(home, 'table')) {
        await updateReport(session, home, found.path, engine.get, emit);
      }
      return made;
    } finally {
      for (const end of ends.reverse()) await end();
    }
  });
  session.stdout.write(flags.json ? `${JSON.stringify(table)}\n` : await describe(table, out));
}

/** The list of `--datasets`, checked as far as a look at it can tell. */
export function parseSpecs(list: string): string[] {
  const specs = list
    .split(',')
    .map((spec) => spec.trim())
    .filter((spec) => spec !== '');
  if (specs.length === 0) throw new UserError('--datasets names no data set', { exitCode: 2 });
  return specs;
}

/**
 * Opens the test half of each data set, in order. To `nonexist` belongs its mirror set: the same templates over what is real.
 * @throws UserError for a data set that cannot be had, and for two of one name.
 */
export async function openDatasets(
  session: Session,
  specs: readonly string[],
  seed: number,
  emit: Listener,
): Promise<Dataset[]> {
  const { openDataset } = await import('../../datasets/open.js');
  const { withMirror } = await import('../../pipeline/table/set.js');
  const { fileName } = await import('../../formats/file-name.js');
  const open = (spec: string) =>
    openDataset(spec, {
      split: 'test',
      seed,
      signal: session.signal,
      onNotice: (message) => emit({ type: 'note', message }),
    });
  const datasets: Dataset[] = [];
  for (const spec of specs) datasets.push(await open(spec));
  if (specs.includes('nonexist') && !datasets.some(({ name }) => name === MIRROR)) {
    datasets.push(await open(MIRROR));
  }
  const names = datasets.map(({ name }) => fileName(name));
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) {
    throw new UserError(`--datasets has two data sets of the name ${twice}: rename one of the files`, {
      exitCode: 2,
    });
  }
  return withMirror(datasets);
}

/** The control detectors that `evaluate` has left beside a detector; undefined where there are none. */
async function readControlsBeside(home: string, detector: Detector): Promise<Controls | undefined> {
  const path = join(home, 'controls.json');
  if (!existsSync(path)) return undefined;
  const { readControls } = await import('../../pipeline/controls-file.js');
  const controls = await readControls(path);
  if (controls.model.sha256 !== detector.model.sha256) {
    throw new UserError(
      `${path} belongs to a detector of another model; run hneurons evaluate on its run again`,
    );
  }
  return controls;
}

/** As the run of the detector was sampled; without a run, as the paper did. */
async function tableSettings(
  flags: TableFlags,
  manifest: Manifest | undefined,
  { promptStyle }: Detector,
): Promise<TableSettings> {
  const { CollectSettingsSchema, DEFAULT_SEED, makeCollectSettings } = await import(
    '../../pipeline/settings.js'
  );
  const seed = flags.seed ?? manifest?.seed ?? DEFAULT_SEED;
  const collected = CollectSettingsSchema.safeParse(manifest?.stages.collect?.settings);
  const { temperature, topK, topP, minP, maxTokens } =
    collected.data ?? makeCollectSettings({ promptStyle, seed });
  const sampling = { temperature, topK, topP, minP, maxTokens, promptStyle, seed };
  return { ...sampling, quota: flags.quota ?? QUOTA, limit: flags.limit ?? LIMIT };
}

/** Makes the report of a run again, with the table in it, where it has one already. */
async function updateReport(
  session: Session,
  home: string,
  modelPath: string,
  getEngine: () => Promise<Engine>,
  emit: Listener,
): Promise<void> {
  const { openExistingRun } = await import('../../pipeline/run-folder.js');
  const { makeContext } = await import('../../pipeline/run.js');
  const { writeReport } = await import('../../pipeline/report-stage.js');
  const folder = await openExistingRun(home, { command: session.command });
  folder.manifest.model.path = modelPath;
  const context = makeContext({
    folder,
    engine: {},
    services: { ...session.environment, openEngine: getEngine },
    version: session.version,
    signal: session.signal,
    emit,
  });
  try {
    if (folder.manifest.stages.report?.status === 'done') await writeReport(context);
  } catch (error) {
    // The table is written, and that is what was asked for.
    if (!(error instanceof UserError)) throw error;
    emit({ type: 'note', message: `the report is not made again with the table in it: ${error.message}` });
  } finally {
    await context.close();
  }
}

/** What people see in the terminal: the sentence, the first table, and where the rest is. */
async function describe(table: Table, out: string): Promise<string> {
  const { aurocTable } = await import('../../report/table/markdown.js');
  const { visibleText } = await import('../../report/format.js');
  const files = ['table.md', 'table.csv', 'table.json'].map((name) => join(out, name));
  return [aurocTable(table), '', ...table.notes, visibleText(table.summary), '', ...files, ''].join('\n');
}
