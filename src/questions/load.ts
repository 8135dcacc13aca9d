import { open } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { questionOf } from './record.js';
import {
  checkTwice,
  csvRecords,
  documentRecords,
  type FileRecord,
  fileBytes,
  jsonRecords,
  parquetRecords,
  withPlainNames,
} from './records.js';
import type { Question } from './types.js';

/** So many broken lines are named; the others are counted. */
const NAMED_PROBLEMS = 5;

/** The columns that are read; others are ignored. */
const COLUMNS = [
  ...['question', 'aliases', 'answer', 'answers', 'possible_answers'],
  ...['options', 'id', 'relation', 'split', 'kind'],
];

/** The columns of a data set that are named otherwise. */
export interface OwnColumns {
  /** Those that a record must have to be read in this way. */
  columns: readonly string[];
  /** All that are read, with a dot in front of a field of a struct. */
  read: readonly string[];
  /** The record with the usual columns; undefined for one that is no question of the set. */
  rename(record: Record<string, unknown>): Record<string, unknown> | undefined;
}

export interface LoadOptions {
  own?: OwnColumns;
  /** Relation of records without one; default `all`. */
  relation?: string;
  /** Takes the questions in order, in place of the list that is returned. */
  onQuestion?: (question: Question) => void;
  /** Gets what is wrong with a record that is left out; without it, such a record is an error. Damaged lines are one either way. */
  onSkipped?: (reason: string, where: string) => void;
  /** Ends the reading of a Parquet file, which then rejects with its reason. */
  signal?: AbortSignal;
}

/**
 * Reads questions from a JSON Lines, JSON, CSV or Parquet file (text in UTF-8, with or without a byte order mark). The columns or keys are
 * `question`, `aliases` (a list; in a cell as a JSON or Python list, or texts with `|` between) or `answer`, and optionally `id` (default: `line-N`), `relation`
 * (default: `all`), `options` (a list: the question is a choice, `answer` names one), `split` (`train` or `test`) and `kind` (`fabricated`
 * needs no answer). With both `aliases` and `answer`, all of them are accepted. Others are ignored. The order of the file is kept.
 * Names of columns count in upper and lower case.
 * The name tells the kind: .csv, .tsv, .jsonl, .ndjson, .json, .parquet; else a file is CSV when it does not begin with `{`.
 *
 * @throws UserError for a file that cannot be read, holds no question or lacks a column, and for broken lines: the first few
 *   are named with line number and reason, all are counted
 */
export async function loadQuestions(path: string, options: LoadOptions = {}): Promise<Question[]> {
  const questions: Question[] = [];
  const take = options.onQuestion ?? ((question) => questions.push(question));
  const lineOfId = new Map<string, number>();
  const problems: string[] = [];
  let broken = 0;
  let skipped = 0;
  const { records, unit } = await openRecords(path, options);
  const report = (line: number, reason: string) => {
    broken++;
    if (problems.length < NAMED_PROBLEMS) problems.push(`${unit} ${line}: ${reason}`);
  };
  const skip = (line: number, reason: string) => {
    if (options.onSkipped === undefined) return report(line, reason);
    skipped++;
    if (problems.length < NAMED_PROBLEMS) problems.push(`${unit} ${line}: ${reason}`);
    options.onSkipped(reason, `${unit} ${line}`);
  };

  const read = [...COLUMNS, ...(options.own?.columns ?? [])];
  for await (const record of records) {
    const { line, value, error } = withPlainNames(record, read);
    if (error !== undefined) {
      report(line, error);
      continue;
    }
    const place = { id: `line-${line}`, relation: options.relation ?? 'all' };
    const usual = renamed(value, options.own);
    const question = usual === undefined ? 'a question of another type' : questionOf(usual, place);
    if (typeof question === 'string') {
      skip(line, question);
    } else if (lineOfId.has(question.id)) {
      skip(line, `id "${question.id}" is already used in ${unit} ${lineOfId.get(question.id)}`);
    } else {
      lineOfId.set(question.id, line);
      take(question);
    }
  }

  if (broken > 0) {
    const more = broken > problems.length ? `; and ${broken - problems.length} more` : '';
    throw new UserError(
      `${path} has ${broken} broken ${broken === 1 ? unit : `${unit}s`}: ${problems.join('; ')}${more}. Correct or remove ${broken === 1 ? 'it' : 'them'}`,
    );
  }
  if (lineOfId.size === 0) {
    throw new UserError(
      skipped > 0
        ? `${path} holds no question that can be used; ${problems.join('; ')}`
        : `${path} holds no questions: give one a line, as {"question": "…", "aliases": ["…"]} or as CSV with these columns`,
    );
  }
  return questions;
}

function renamed(value: unknown, own: OwnColumns | undefined): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (own === undefined || !isObject || !own.columns.every((column) => column in value)) return value ?? null;
  return own.rename(value as Record<string, unknown>);
}

interface OpenRecords {
  records: AsyncIterable<FileRecord> | Iterable<FileRecord>;
  /** What a record is called in a message. */
  unit: 'line' | 'row' | 'record';
}

async function openRecords(path: string, { own, signal }: LoadOptions): Promise<OpenRecords> {
  const check = (columns: string[]) => checkColumns(path, columns, own);
  if (/\.parquet$/i.test(path)) {
    const wanted = [...COLUMNS, ...(own?.read ?? [])];
    return { records: parquetRecords(path, wanted, check, signal), unit: 'row' };
  }
  const document = /\.json$/i.test(path) ? await documentRecords(path) : undefined;
  if (document !== undefined) return { records: document, unit: 'record' };
  const isCsv = await looksLikeCsv(path);
  const records = isCsv ? csvRecords(path, fileBytes(path), check) : jsonRecords(fileBytes(path));
  return { records, unit: 'line' };
}

/** @throws UserError when a table can hold no question, naming the column that is missing and those that are there. */
function checkColumns(path: string, columns: string[], own: OwnColumns | undefined): void {
  checkTwice(path, columns, [...COLUMNS, ...(own?.columns ?? [])]);
  if (own?.columns.every((column) => columns.includes(column))) return;
  const answered = ['aliases', 'answer', 'answers', 'possible_answers', 'kind'].some((column) =>
    columns.includes(column),
  );
  const missing = !columns.includes('question')
    ? '"question"'
    : answered
      ? undefined
      : '"aliases" or "answer"';
  if (missing === undefined) return;
  const theirs = own ? ` (or those of the set: ${quoted(own.columns)})` : '';
  throw new UserError(`${path} has no column ${missing}${theirs}: its first line names ${quoted(columns)}`);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

async function looksLikeCsv(path: string): Promise<boolean> {
  if (/\.[ct]sv$/i.test(path)) return true;
  if (/\.(jsonl|ndjson|json)$/i.test(path)) return false;
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return !buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\ufeff/, '')
      .trimStart()
      .startsWith('{');
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}
