import { join } from 'node:path';
import type { Engine } from '../../engine/types.js';
import { writeFileAtomic } from '../../formats/atomic.js';
import { fileName } from '../../formats/file-name.js';
import type { Question } from '../../questions/types.js';
import { formatFixed } from '../../report/format.js';
import { renderCsv } from '../../report/table/csv.js';
import { renderMarkdown } from '../../report/table/markdown.js';
import { paperRow } from '../../report/table/paper.js';
import { type Table, TableSchema } from '../../report/table/schema.js';
import { summarise } from '../../report/table/summary.js';
import type { Controls } from '../controls-file.js';
import { type Detector, detectorIdentity } from '../detector.js';
import type { Listener } from '../events.js';
import { hashText, stableJson } from '../fingerprint.js';
import type { ModelIdentity } from '../manifest.js';
import { removeLeftovers } from '../run-folder.js';
import { describeSystem } from '../system.js';
import { askSet, type TableJudging, type TableSampling } from './ask.js';
import { moveAnswersAside, readRecord, type SetRecord, writeRecord } from './record.js';
import { makeRows } from './rows.js';
import { type Dataset, hashSet, prepareSet, type TableSet } from './set.js';

export interface TableSettings extends TableSampling {
  /** Matched samples of each class after which a data set has enough. */
  quota: number;
  /** Most questions asked of a data set. */
  limit: number;
}

export interface TableContext {
  /** The loaded model; loads it on the first call. */
  engine(): Promise<Engine>;
  emit: Listener;
  signal?: AbortSignal;
  /** Folder that everything is written to; the caller has locked it. */
  out: string;
}

export interface TableInput {
  detector: Detector;
  /** Undefined where there is no `controls.json`. */
  controls: Controls | undefined;
  /** What the detector was trained on; undefined where that is not known. */
  training: readonly Question[] | undefined;
  datasets: readonly Dataset[];
  settings: TableSettings;
  judging: TableJudging;
  model: ModelIdentity;
  /** What else the model is called: names in its header, its file, its source. */
  modelNames: readonly string[];
  command: string[];
  version: string;
}

/**
 * The detector on data sets that it was not trained on (method.md section 5), next to its controls and to the model's own
 * log-probability. Writes `table.json`, `table.md`, `table.csv` and, for each data set, `responses.jsonl`. A data set that is done
 * is not asked again; one that was cut off goes on with the questions that are missing.
 *
 * @throws UserError for a data set without a question to ask, before anything is asked.
 */
export async function makeTable(context: TableContext, input: TableInput): Promise<Table> {
  const sets = input.datasets.map((dataset) => prepareSet(dataset, input.training ?? [], input.settings));
  const records: Done[] = [];
  for (const set of sets) {
    context.signal?.throwIfAborted();
    records.push(await runSet(context, input, set));
  }
  const table = describeTable(input, records);
  await writeFileAtomic(join(context.out, 'table.json'), `${JSON.stringify(table, null, 2)}\n`);
  await writeFileAtomic(join(context.out, 'table.csv'), renderCsv(table));
  await writeFileAtomic(join(context.out, 'table.md'), renderMarkdown(table));
  return table;
}

function describeTable(input: TableInput, records: readonly Done[]): Table {
  const { detector, judging } = input;
  const rows = records.flatMap((record) => record.rows);
  const { promptStyle, ...settings } = input.settings;
  const { name, source, sha256, architecture, quantisation, layers, ffn } = input.model;
  const paper = findPaper(input);
  const kinds = input.controls?.controls.map(({ kind }) => kind);
  const count = (wanted: string) => kinds?.filter((kind) => kind === wanted).length ?? 0;
  return TableSchema.parse({
    schema: 'hneurons/table',
    version: 1,
    summary: summarise(rows),
    model: { name, source, sha256, architecture, quantisation, layers, ffn },
    detector: {
      identity: detectorIdentity(detector),
      neurons: detector.neurons.length,
      hNeurons: detector.neurons.filter(({ weight }) => weight > 0).length,
      mode: detector.mode,
      C: detector.C,
      promptStyle,
    },
    controls: kinds ? { random: count('random'), layerMatched: count('layer-matched') } : null,
    settings: { ...settings, judge: judging.judge.name, spans: judging.spans.name },
    run: {
      command: ['hneurons', ...input.command].join(' '),
      version: input.version,
      library: records[0].library,
      device: records[0].device,
      system: describeSystem(),
    },
    notes: notesOf(input),
    paper: paper ? { model: paper.model, permille: paper.permille } : null,
    rows,
  } satisfies Table);
}

type Done = NonNullable<SetRecord['done']>;

/** One data set: what is there already, or asked, read and written anew. */
async function runSet(context: TableContext, input: TableInput, set: TableSet): Promise<Done> {
  const { emit, signal } = context;
  const { detector, controls, settings, judging } = input;
  const folder = join(context.out, fileName(set.name));
  removeLeftovers(folder);
  const sampling = samplingPrint(input);
  const fingerprint = rowPrint(input, set, sampling);
  const record = await readRecord(folder);
  if (record?.done?.fingerprint === fingerprint) {
    emit({ type: 'skip', step: 'table', summary: describeRows(record.done.rows) });
    return record.done;
  }
  if (record?.sampling !== sampling) {
    if (moveAnswersAside(folder)) {
      emit({
        type: 'note',
        message: `${set.name}: the model or the sampling settings changed, so it is asked again; older answers are kept as responses.previous.jsonl`,
      });
    }
    await writeRecord(folder, { sampling, done: null });
  }
  const engine = await context.engine();
  emit({ type: 'start', step: 'table', label: set.name });
  const began = performance.now();
  const progress = (done: number, total: number, unit: string, detail?: string, fraction?: number) =>
    emit({ type: 'progress', step: 'table', done, total, unit, detail, fraction });
  const total = set.questions.length;
  const path = join(folder, 'responses.jsonl');
  const asked = await askSet({
    engine,
    set,
    settings,
    quota: settings.quota,
    judging,
    path,
    signal,
    onProgress: (done, matched) =>
      progress(
        done,
        total,
        'questions',
        `${2 * matched} of ${2 * settings.quota} matched`,
        Math.max(done / total, matched / settings.quota),
      ),
  });
  emit({ type: 'start', step: 'table', label: `${set.name}, neurons` });
  const { rows, lines } = await makeRows({
    engine,
    set,
    asked,
    detector,
    controls,
    paper: findPaper(input),
    quota: settings.quota,
    seed: settings.seed,
    onProgress: (done, all) => progress(done, all, 'answers'),
  });
  await writeFileAtomic(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { libraryVersion: library, device } = engine.model;
  const done: Done = { fingerprint, rows, library, device };
  await writeRecord(folder, { sampling, done });
  const seconds = (performance.now() - began) / 1000;
  emit({ type: 'end', step: 'table', seconds, summary: describeRows(rows) });
  return done;
}

function samplingPrint({ model, settings }: TableInput): string {
  const { quota: _, limit: __, ...sampling } = settings;
  return hashText(stableJson({ model: model.sha256, sampling }));
}

function rowPrint(
  { detector, controls, settings, judging, ...input }: TableInput,
  set: TableSet,
  sampling: string,
) {
  const paper = findPaper(input);
  return hashText(
    stableJson({
      sampling,
      questions: hashSet(set),
      counts: [set.source, set.total, set.trained],
      detector: detectorIdentity(detector),
      controls: controls?.controls ?? null,
      judging: [judging.judge.name, judging.spans.name, judging.markers],
      quota: settings.quota,
      paper: paper?.model ?? null,
    }),
  );
}

function findPaper({ model, modelNames }: Pick<TableInput, 'model' | 'modelNames'>) {
  return paperRow({ names: modelNames, layers: model.layers, ffn: model.ffn });
}

/** `triviaqa: AUROC .78, random neurons .66`. */
function describeRows(rows: Done['rows']): string {
  return rows
    .map(({ name, figures, note }) => {
      if (!figures) return `${name}: ${note}`;
      const random = figures.random ? `, random neurons ${formatFixed(figures.random.auroc.mean, 3)}` : '';
      return `${name}: AUROC ${formatFixed(figures.auroc.estimate, 3)}${random}`;
    })
    .join('; ');
}

function notesOf({ training, controls, detector }: TableInput): string[] {
  const notes: string[] = [];
  if (training === undefined) {
    notes.push(
      'There is no questions.jsonl beside the detector: whether it was trained on some of these questions could not be checked.',
    );
  }
  if (controls === undefined) {
    notes.push(
      'There is no controls.json beside the detector, so nothing shows what random neurons would reach: run hneurons evaluate on its run, then this again.',
    );
  }
  if (detector.neurons.length === 0)
    notes.push('The detector has no neuron: it says the same of every answer.');
  return notes;
}
