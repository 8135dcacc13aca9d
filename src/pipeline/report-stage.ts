import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { writeFileAtomic } from '../formats/atomic.js';
import { rowOf } from '../learn/matrix.js';
import { ExplainSchema } from '../report/explain/schema.js';
import { InterventionSchema } from '../report/intervention/schema.js';
import { OriginSchema } from '../report/origin/schema.js';
import type { Report, ReportContent } from '../report/schema.js';
import { TableSchema } from '../report/table/schema.js';
import { completeReport } from '../report/verdict.js';
import { compareDistributions } from '../stats/distribution.js';
import { type Case, readCases } from './cases.js';
import { selectionRule } from './choose.js';
import type { RunContext } from './context.js';
import {
  type Detector,
  detectorIdentity,
  detectorNeurons,
  detectorProbability,
  readDetector,
} from './detector.js';
import { endingNotes } from './endings.js';
import { type EvaluationFile, readEvaluation } from './evaluate.js';
import { hashFile } from './fingerprint.js';
import { gather, placesOf } from './gather.js';
import { CAUSAL_FILE, INTERVENTION_FILE } from './intervene/files.js';
import { STAGES } from './manifest.js';
import { readResponses } from './responses.js';
import type { RunFolder } from './run-folder.js';
import { scoreSequences } from './score.js';
import { readStability } from './stability.js';
import { requireStage, runStage } from './stage.js';
import { describeSystem } from './system.js';
import { collectSettings, loadHalf } from './train.js';

/** Neurons whose CETT is shown, and example answers of each class. */
const NEURONS_SHOWN = 12;
const EXAMPLES_SHOWN = 6;
/** Cards of neurons, the strongest ones. */
const CARDS_SHOWN = 40;

/** Where the table of other data sets lies, when it was made in the run folder. */
export const TABLE_FILE = 'table/table.json';
/** Where the trace of the neurons' origin lies, when it was made in the run folder. */
export const ORIGIN_FILE = 'origin/origin.json';
/** Where the cards of the neurons lie, when they were made. */
export const EXPLAIN_FILE = 'explain.json';

/** Stage 5: `report.json` and `report.html`, from what the other stages left. */
export async function writeReport(context: RunContext): Promise<boolean> {
  const { folder, emit } = context;
  requireStage(folder, 'evaluate');
  const tablePath = folder.file(TABLE_FILE);
  const originPath = folder.file(ORIGIN_FILE);
  const explainPath = folder.file(EXPLAIN_FILE);
  const interventionFile = existsSync(folder.file(INTERVENTION_FILE)) ? INTERVENTION_FILE : CAUSAL_FILE;
  const interventionPath = folder.file(interventionFile);
  const inputs: Record<string, string> = {};
  if (existsSync(tablePath)) inputs.table = await hashFile(tablePath);
  if (existsSync(originPath)) inputs.origin = await hashFile(originPath);
  if (existsSync(explainPath)) inputs.explain = await hashFile(explainPath);
  if (existsSync(interventionPath)) inputs.intervention = await hashFile(interventionPath);
  return runStage(folder, { stage: 'report', settings: {}, inputs }, context.versions, emit, async () => {
    const detector = await readDetector(folder.file('detector.json'));
    const evaluation = await readEvaluation(folder.file('evaluation.json'));
    const stabilityPath = folder.file('stability.json');
    const cases = await readCases(folder.file('cases.jsonl'));
    const table = await readBeside(tablePath, TableSchema, 'evaluate --datasets', detector, emit);
    const origin = await readBeside(originPath, OriginSchema, 'trace', detector, emit);
    const explained = await readBeside(explainPath, ExplainSchema, 'explain', detector, emit);
    const intervention = await readBeside(interventionPath, InterventionSchema, 'intervene', detector, emit);
    const content: ReportContent = {
      run: await describeRun(context),
      model: describeModel(folder, detector),
      questions: await describeQuestions(folder, cases),
      training: {
        mode: detector.mode,
        rows: detector.training.rows,
        folds: detector.training.folds,
        grid: detector.training.grid,
        chosen: detector.C,
        rule: selectionRule(detector.training.select ?? 'accuracy'),
        score: detector.training.score,
      },
      detector: { intercept: detector.intercept, neurons: detector.neurons },
      test: evaluation.test,
      beyond: evaluation.beyond,
      question: evaluation.question,
      pairs: evaluation.pairs,
      stability: existsSync(stabilityPath) ? await readStability(stabilityPath) : undefined,
      cett: await describeCett(folder, detector),
      examples: await describeExamples(context, detector, evaluation, cases),
      ...(table && { table }),
      ...(intervention && { intervention }),
      ...(origin && { origin }),
      ...(explained && { explain: { ...explained, cards: explained.cards.slice(0, CARDS_SHOWN) } }),
      warnings: describeWarnings(evaluation, detector, folder, await describeEndings(folder)),
      files: {
        detector: 'detector.json',
        cases: 'cases.jsonl',
        responses: 'responses.jsonl',
        features: 'features.safetensors',
        controls: 'controls.json',
        manifest: 'manifest.json',
        ...(table && { table: TABLE_FILE }),
        ...(intervention && { intervention: interventionFile }),
        ...(origin && { origin: ORIGIN_FILE }),
        ...(explained && { explain: EXPLAIN_FILE }),
      },
    };
    const report = completeReport(content);
    await writeFileAtomic(folder.file('report.json'), `${JSON.stringify(report, null, 2)}\n`);
    // The plotting library takes a moment to load, and only this stage needs it.
    const { renderHtml } = await import('../report/html.js');
    await writeFileAtomic(folder.file('report.html'), renderHtml(report));
    return { counts: { examples: report.examples.length }, summary: folder.file('report.html') };
  });
}

/**
 * What another command has left in the run folder for the report: undefined where it was not run, and, with a note, where the
 * file cannot be used or belongs to another detector.
 */
async function readBeside<T extends { detector: { identity: string } }>(
  path: string,
  schema: z.ZodType<T>,
  command: string,
  detector: Detector,
  emit: RunContext['emit'],
): Promise<T | undefined> {
  if (!existsSync(path)) return undefined;
  const leftOut = (why: string) => {
    const message = `${path} is left out of the report: ${why}; run hneurons ${command} again`;
    emit({ type: 'note', message });
    return undefined;
  };
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return leftOut('it is not valid JSON');
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return leftOut('it is damaged or from another version');
  if (parsed.data.detector.identity !== detectorIdentity(detector))
    return leftOut('it is of another detector');
  return parsed.data;
}

async function describeRun(context: RunContext): Promise<Report['run']> {
  const { manifest } = context.folder;
  const settings: Report['run']['settings'] = {};
  for (const stage of STAGES) {
    for (const [name, value] of Object.entries(manifest.stages[stage]?.settings ?? {})) {
      if (name !== 'seed')
        settings[name] = Array.isArray(value) ? value.join(' ') : (value as string | number | null);
    }
  }
  const { model } = await context.engine();
  return {
    command: ['hneurons', ...manifest.command].join(' '),
    created: new Date().toISOString(),
    version: context.versions.hneurons,
    library: model.libraryVersion,
    device: model.device,
    system: describeSystem(),
    seed: manifest.seed,
    settings,
    stages: STAGES.flatMap((name) => {
      const record = manifest.stages[name];
      return record?.status === 'done' ? [{ name, seconds: record.seconds }] : [];
    }),
  };
}

function describeModel(folder: RunFolder, detector: Detector): Report['model'] {
  const { name, source, sha256, architecture, quantisation, layers, ffn } = folder.manifest.model;
  return { name, source, sha256, architecture, quantisation, layers, ffn, promptStyle: detector.promptStyle };
}

async function describeQuestions(folder: RunFolder, cases: Case[]): Promise<Report['questions']> {
  const { source, sha256, count } = folder.manifest.questions;
  const cells = new Map<string, Report['questions']['counts'][number]>();
  const cell = (split: 'train' | 'test', relation: string) => {
    const key = `${split}\n${relation}`;
    const zero = { faithful: 0, hallucinated: 0, mixed: 0, uncertain: 0, stopped: 0, kept: 0 };
    if (!cells.has(key)) cells.set(key, { split, relation, ...zero });
    return cells.get(key)!;
  };
  const responses = await readResponses(folder.file('responses.jsonl'), collectSettings(folder).quota);
  for (const response of responses.values()) {
    // They are told of in a warning: no part of what the model can do.
    if (response.class === 'failed') continue;
    const counts = cell(response.split, response.relation);
    counts[response.class === 'full' ? 'stopped' : response.class]++;
  }
  // As many of each class: those of one class are counted.
  for (const one of cases) if (one.class === 'faithful') cell(one.split, one.relation).kept++;
  const counts = [...cells.values()].sort(
    (a, b) => a.split.localeCompare(b.split) * -1 || a.relation.localeCompare(b.relation),
  );
  return { source, sha256, total: count, counts };
}

async function describeCett(folder: RunFolder, detector: Detector): Promise<Report['cett']> {
  const strongest = [...detector.neurons]
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, NEURONS_SHOWN);
  if (strongest.length === 0) return [];
  const { cases, answer } = await loadHalf(folder, 'test');
  const flat = strongest.map(({ layer, index }) => layer * detector.model.ffn + index);
  const gathered = await gather(answer, flat);
  const places = placesOf(gathered, flat);
  return strongest.map((neuron, i) => {
    const of = (wanted: Case['class']) =>
      cases.flatMap((one, row) => (one.class === wanted ? [rowOf(gathered.values, row)[places[i]]] : []));
    return { ...neuron, ...compareDistributions(of('faithful'), of('hallucinated')) };
  });
}

/** Test answers of both classes over the whole range of scores, wrong calls included, with the risk of each token. */
async function describeExamples(
  context: RunContext,
  detector: Detector,
  evaluation: EvaluationFile,
  cases: Case[],
): Promise<Report['examples']> {
  const byId = new Map(cases.map((one) => [one.id, one]));
  const ranked = [...evaluation.scores].sort((a, b) => b.score - a.score).map(({ id }) => byId.get(id)!);
  const shown = (['hallucinated', 'faithful'] as const).flatMap((kind) =>
    spread(
      ranked.filter((one) => one.class === kind),
      EXAMPLES_SHOWN,
    ),
  );
  if (detectorNeurons(detector).neurons.length === 0) return [];
  const engine = await context.engine();
  const scores = await scoreSequences(
    engine,
    detector,
    shown.map((one) => ({
      tokens: one.token_ids,
      start: one.response_start,
      answerStart: one.answer_start,
      answerEnd: one.answer_end,
    })),
    (done, total) => context.emit({ type: 'progress', step: 'report', done, total, unit: 'examples' }),
  );
  return shown.map((one, i) => ({
    question: one.question,
    relation: one.relation,
    accepted: one.aliases,
    label: one.class,
    probability: detectorProbability(detector, scores[i].score),
    tokens: one.token_texts.map((text, at) => ({
      text,
      risk: detectorProbability(detector, scores[i].tokens[at]),
      answer: one.response_start + at >= one.answer_start && one.response_start + at < one.answer_end,
    })),
  }));
}

/** `count` items evenly spaced over the list, the first and the last among them. */
function spread<T>(items: T[], count: number): T[] {
  if (items.length <= count) return items;
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]);
}

/** What must be known about how the responses ended. */
async function describeEndings(folder: RunFolder): Promise<string[]> {
  const settings = collectSettings(folder);
  const responses = await readResponses(folder.file('responses.jsonl'), settings.quota);
  return endingNotes([...responses.values()], settings).map((note) => `${note}.`);
}

function describeWarnings(
  { test }: EvaluationFile,
  detector: Detector,
  { manifest }: RunFolder,
  endings: readonly string[],
): string[] {
  const warnings: string[] = [];
  const failed = manifest.stages.collect?.counts.failed ?? 0;
  if (failed > 0) {
    warnings.push(
      `${failed} questions were left out, as the server or the judge gave no usable answer (responses.jsonl has them).`,
    );
  }
  warnings.push(...endings);
  const small = test.relations.filter((relation) => relation.small).map(({ relation }) => relation);
  if (small.length > 0) warnings.push(`Too few test samples to read anything into: ${small.join(', ')}.`);
  if (detector.neurons.length > 0 && detector.neurons.every(({ weight }) => weight < 0)) {
    warnings.push('All weights are negative: there are anti-associated neurons, but no H-Neuron.');
  }
  return warnings;
}
