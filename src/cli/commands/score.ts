import { parse } from 'csv-parse/sync';
import pc from 'picocolors';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import type { MeaningOfOne } from '../../exchange/judged.js';
import { idField, isObject } from '../../exchange/records.js';
import { readJsonl } from '../../formats/jsonl.js';
import { readTextFile } from '../../formats/text-file.js';
import { checkDetectorModel, readDetector } from '../../pipeline/detector.js';
import { identifyModel } from '../../pipeline/run.js';
import { type Pair, type PairScore, scorePairs } from '../../pipeline/score.js';
import { MAX_QUESTION, MAX_RESPONSE, tooLong } from '../../questions/limits.js';
import { distinctColumns, plainNames } from '../../questions/records.js';
import { visibleText, wholePercent } from '../../report/format.js';
import { wantsColour } from '../colour.js';
import { DEFAULT_MODEL, type EngineFlags, type OutputOptions } from '../options.js';
import { findModel, type Session, withEngine, withProgress } from '../session.js';

export interface ScoreFlags extends OutputOptions, EngineFlags {
  detector: string;
  model?: string;
  question?: string;
  answer?: string;
  file?: string;
  judged?: string;
  label1?: MeaningOfOne;
  force?: boolean;
}

const PairSchema = z.object({
  question: z.string().trim().min(1),
  answer: z.string().refine((text) => text.trim() !== ''),
  id: idField.optional(),
});
const COLUMNS = Object.keys(PairSchema.shape);

/** `hneurons score`: how likely answers are hallucinated, as a whole and token by token. */
export async function runScore(session: Session, flags: ScoreFlags): Promise<void> {
  if (flags.judged !== undefined) return (await import('../score-judged.js')).runScoreJudged(session, flags);
  const pairs = await readPairs(flags);
  const results = await scoreAll(session, flags, pairs);
  const color = wantsColour(session.stdout);
  if (flags.json) session.stdout.write(`${JSON.stringify({ detector: flags.detector, results })}\n`);
  else session.stdout.paint(results.map((result) => show(result, color)).join('\n'));
}

/** Scores pairs with the detector and the model of the options. */
export async function scoreAll(session: Session, flags: ScoreFlags, pairs: Pair[]): Promise<PairScore[]> {
  const detector = await readDetector(flags.detector);
  return withProgress(session, flags, async (emit) => {
    const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
    const { identity } = await identifyModel(found, session.environment, session.signal);
    checkDetectorModel(detector, identity, flags.force ?? false);
    return withEngine(session, flags, found.path, (engine) =>
      scorePairs(engine, detector, pairs, (done, total) =>
        emit({ type: 'progress', step: 'score', done, total, unit: 'answers' }),
      ),
    );
  });
}

async function readPairs({ question, answer, file }: ScoreFlags): Promise<Pair[]> {
  if (file !== undefined) {
    if (question !== undefined || answer !== undefined) {
      throw new UserError('give either --file or --question with --answer, not both', { exitCode: 2 });
    }
    return /\.csv$/i.test(file) ? readCsvPairs(file) : readJsonlPairs(file);
  }
  const pair = PairSchema.safeParse({ question, answer });
  if (!pair.success) {
    throw new UserError('score needs --question and --answer (neither of them empty), or --file', {
      exitCode: 2,
    });
  }
  return [pair.data];
}

async function readJsonlPairs(path: string): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const { line, value } of readJsonl(path)) pairs.push(checkPair(path, line, value));
  return checkSome(path, pairs);
}

async function readCsvPairs(path: string): Promise<Pair[]> {
  const text = await readTextFile(path);
  let rows: { record: unknown; info: { lines: number } }[];
  try {
    const columns = (header: string[]) => distinctColumns(path, header);
    rows = parse(text, { columns, bom: true, info: true, skip_empty_lines: true }) as never;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is no valid CSV: ${(error as Error).message}`, { cause: error });
  }
  return checkSome(
    path,
    rows.map(({ record, info }) => checkPair(path, info.lines, record)),
  );
}

function checkPair(path: string, line: number, value: unknown): Pair {
  const record = isObject(value) ? plainNames(value, COLUMNS) : value;
  if (typeof record === 'string') throw new UserError(`${path}, line ${line}: ${record}`);
  const pair = PairSchema.safeParse(record);
  if (!pair.success)
    throw new UserError(`${path}, line ${line}: it needs a question and an answer, neither of them empty`);
  for (const [key, limit] of [
    ['question', MAX_QUESTION],
    ['answer', MAX_RESPONSE],
  ] as const) {
    if (pair.data[key].length > limit)
      throw new UserError(`${path}, line ${line}: its ${key} ${tooLong(limit)}`);
  }
  return pair.data;
}

function checkSome(path: string, pairs: Pair[]): Pair[] {
  if (pairs.length === 0) throw new UserError(`${path} holds no question with an answer`);
  return pairs;
}

/** One pair for people: the probability, then the tokens with their own, riskier ones in warmer colours. */
function show({ question, answer, probability, tokens }: PairScore, color: boolean): string {
  const { red, yellow, green, dim } = pc.createColors(color);
  const colour = (risk: number) => (risk > 0.75 ? red : risk > 0.5 ? yellow : green);
  const percent = (value: number) => `${wholePercent(value)} %`;
  const painted = tokens.map(({ text, risk, answer: counts }) => {
    const shown = `${visibleText(text)}[${percent(risk)}]`;
    return counts ? colour(risk)(shown) : dim(shown);
  });
  return `${visibleText(question)}\n  ${visibleText(answer.trim())}: hallucinated with probability ${colour(probability)(percent(probability))}\n  ${painted.join(' ')}\n`;
}
