import { z } from 'zod';
import { endingOf } from '../endpoint/finish.js';
import { UserError } from '../errors.js';
import { answerTexts, exactTexts } from '../formats/list-cell.js';
import type { Verdict } from '../judge/rule.js';
import { MAX_QUESTION, MAX_RESPONSE, tooLong } from '../questions/limits.js';
import {
  checkTwice,
  csvRecords,
  documentRecords,
  type FileRecord,
  fileBytes,
  jsonRecords,
  parquetRecords,
  withPlainNames,
} from '../questions/records.js';
import { fromQid, withoutRequest } from './names.js';
import { idField, isObject, listField, problemOf, type Skip } from './records.js';

/** A response that somebody has judged, with all that a file may say of it. */
export interface JudgedItem {
  id: string;
  line: number;
  question: string;
  response: string;
  verdict: Verdict;
  /** The answer itself, as it stands in the response. */
  answer?: string;
  answerTokens?: string[];
  aliases: string[];
  /** The file says that the response was cut off at a token limit. */
  cutOff?: true;
  relation?: string;
  split?: 'train' | 'test';
}

/** What a label of 1 stands for: both are in use. */
export type MeaningOfOne = 'correct' | 'hallucinated';

const WORDS: Record<string, Verdict> = {
  true: 'correct',
  t: 'correct',
  correct: 'correct',
  right: 'correct',
  faithful: 'correct',
  false: 'wrong',
  f: 'wrong',
  wrong: 'wrong',
  incorrect: 'wrong',
  hallucinated: 'wrong',
  hallucination: 'wrong',
  uncertain: 'uncertain',
};

const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional());
const label = z.union([z.string(), z.number(), z.boolean()], 'must be text, a number, true or false');

const Row = z.object({
  question: z.string().max(MAX_QUESTION, tooLong(MAX_QUESTION)).trim().min(1, 'is empty'),
  response: z
    .string()
    .max(MAX_RESPONSE, tooLong(MAX_RESPONSE))
    .refine((text) => text.trim() !== '', 'is empty'),
  label: optional(label),
  judge: optional(label),
  answer: optional(z.string()),
  answer_tokens: listField('answer_tokens', exactTexts),
  aliases: listField('aliases', answerTexts),
  id: optional(idField),
  relation: optional(z.string()),
  finish_reason: optional(z.string()),
  split: optional(z.enum(['train', 'test'], 'must be train or test')),
});

const COLUMNS = Object.keys(Row.shape);

/**
 * Reads judged responses from JSON Lines, JSON, CSV or Parquet: `question`, `response` and `label` (or `judge`), optionally `id`, `answer` (as it
 * stands in the response), `answer_tokens`, `aliases`, `relation`, `split` and `finish_reason` (as servers give it). A label is a word (`true`, `correct`,
 * `faithful`; `false`, `wrong`, `hallucinated`; `uncertain`), or 0 and 1 when `one` says what 1 means. What
 * cannot be used is reported to `skip`.
 * @throws UserError when the file cannot be read, a column is missing, or a label is 0 or 1 and nobody said what that means.
 */
export async function readJudged(
  path: string,
  one: MeaningOfOne | undefined,
  skip: (skipped: Skip) => void,
): Promise<JudgedItem[]> {
  const items: JudgedItem[] = [];
  const records = await openRecords(path);
  for await (const record of records) {
    const { line, value, error } = withPlainNames(record, COLUMNS);
    const leave = (reason: string, id?: string) => skip({ source: path, line, ...(id && { id }), reason });
    if (error !== undefined || !isObject(value)) {
      leave(error ?? 'not a JSON object');
      continue;
    }
    const row = Row.safeParse(value);
    if (!row.success) {
      leave(problemOf(row.error, value));
      continue;
    }
    const ending = endingOf(row.data.finish_reason);
    if (ending === 'broken') {
      leave(`its response was broken off (finish_reason ${JSON.stringify(row.data.finish_reason)})`);
      continue;
    }
    const { question, response, answer, answer_tokens, aliases, relation, split } = row.data;
    const id = fromQid(row.data.id ?? `line-${line}`);
    const given = row.data.label ?? row.data.judge;
    const verdict = given === undefined ? undefined : toVerdict(path, line, given, one);
    if (given === undefined) leave('"label" is missing', id);
    else if (verdict === undefined) leave(`the label ${JSON.stringify(given)} is not known`, id);
    else {
      items.push({
        id,
        line,
        question: withoutRequest(question),
        response,
        verdict,
        aliases: aliases ?? [],
        ...(answer !== undefined && { answer }),
        ...(answer_tokens !== undefined && { answerTokens: answer_tokens }),
        ...(ending === 'length' && { cutOff: true as const }),
        ...(relation !== undefined && { relation }),
        ...(split !== undefined && { split }),
      });
    }
  }
  return items;
}

function toVerdict(
  path: string,
  line: number,
  given: string | number | boolean,
  one: MeaningOfOne | undefined,
): Verdict | undefined {
  const text = String(given).trim().toLowerCase();
  if (!/^[01](\.0+)?$/.test(text)) return WORDS[text];
  if (one === undefined) {
    throw new UserError(
      `${path}, line ${line}: the label is ${text}, which may mean either; say what 1 stands for with --label-1 correct or --label-1 hallucinated`,
      { exitCode: 2 },
    );
  }
  return text.startsWith('1') === (one === 'correct') ? 'correct' : 'wrong';
}

async function openRecords(path: string): Promise<AsyncIterable<FileRecord> | Iterable<FileRecord>> {
  const check = (columns: string[]) => checkColumns(path, columns);
  if (/\.parquet$/i.test(path)) return parquetRecords(path, COLUMNS, check);
  if (/\.[ct]sv$/i.test(path)) return csvRecords(path, fileBytes(path), check);
  const document = /\.json$/i.test(path) ? await documentRecords(path) : undefined;
  return document ?? jsonRecords(fileBytes(path));
}

function checkColumns(path: string, columns: string[]): void {
  checkTwice(path, columns, COLUMNS);
  const named = columns.map((name) => `"${name}"`).join(', ');
  for (const names of [['question'], ['response'], ['label', 'judge']]) {
    if (names.some((name) => columns.includes(name))) continue;
    const missing = names.map((name) => `"${name}"`).join(' or ');
    throw new UserError(`${path} has no column ${missing}: it has ${named}`);
  }
}
