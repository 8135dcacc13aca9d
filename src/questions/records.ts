import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { parseJson } from '../formats/json.js';
import { openParquet } from '../formats/parquet.js';

/** A record of a file: its value, or what is wrong with its line. */
export interface FileRecord {
  /** Line number in the file, from 1; the number of the record where there are no lines. */
  line: number;
  value?: unknown;
  error?: string;
}

/** Longer lines are no questions; they are not kept in memory. */
const LONGEST_LINE = 1 << 20;
const TOO_LONG = 'longer than 1 MiB';
const MAX_DEPTH = 64;
const NEWLINE = 0x0a;
/** A JSON document is held in memory as a whole. */
const LARGEST_DOCUMENT = 256 << 20;

/** The bytes of a file, piece by piece. */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/**
 * The records of a JSON document: the elements of a list, or of the list under `questions` or `data` (BioASQ's export). Undefined
 * when the file is no single JSON value, as JSON Lines.
 * @throws UserError for a document too large to hold.
 */
export async function documentRecords(path: string): Promise<FileRecord[] | undefined> {
  let value: unknown;
  try {
    if ((await stat(path)).size > LARGEST_DOCUMENT) {
      throw new UserError(
        `${path} is a JSON document over 256 MiB: save it as JSON Lines, one question a line`,
      );
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
    value = parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw fileError(error, 'read', path);
  }
  const { questions, data } = (value ?? {}) as { questions?: unknown; data?: unknown };
  const list = [value, questions, data].find(Array.isArray) ?? [value];
  return list.map((record, i) => ofBoundedDepth({ line: i + 1, value: record }));
}

/**
 * A record with the names of its columns in lower case and without white space around them, as in CSV. Where two become the same
 * and it is one that is read, that is the error.
 * @param read names of the columns that are read; others may be there twice
 */
export function withPlainNames(record: FileRecord, read: readonly string[]): FileRecord {
  const { line, value } = record;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return record;
  const plain = plainNames(value as Record<string, unknown>, read);
  return typeof plain === 'string' ? { line, error: plain } : { ...record, value: plain };
}

/** As {@link withPlainNames}, of the value of a record; the error as text. */
export function plainNames(
  value: Record<string, unknown>,
  read: readonly string[],
): Record<string, unknown> | string {
  const entries = Object.entries(value);
  if (entries.every(([key]) => key === plainName(key))) return value;
  const plain: Record<string, unknown> = {};
  for (const [key, field] of entries) {
    const name = plainName(key);
    if (Object.hasOwn(plain, name) && read.includes(name))
      return `it has "${name}" twice, in different letters`;
    plain[name] = field;
  }
  return plain;
}

function plainName(name: string): string {
  return name.trim().toLowerCase();
}

/** @throws UserError when one of the columns that are read is there twice: which one counts, nobody can say. */
export function checkTwice(path: string, columns: readonly string[], read: readonly string[]): void {
  const twice = columns.find((name, i) => read.includes(name) && columns.indexOf(name) < i);
  if (twice !== undefined)
    throw new UserError(`${path} has the column "${twice}" twice: rename or remove one`);
}

/**
 * The records of a Parquet file, with those of the `wanted` columns (or fields, `answer.aliases`) that it has.
 * @param check throws when the columns of the file will not do
 */
export async function* parquetRecords(
  path: string,
  wanted: readonly string[],
  check: (columns: string[]) => void,
  signal?: AbortSignal,
): AsyncGenerator<FileRecord> {
  const file = await openParquet(path, signal);
  try {
    const heads = wanted.map((path) => path.split('.')[0]);
    const names = file.columns.map(plainName);
    checkTwice(path, names, heads);
    check(names);
    // A path leads from a column, in whatever letters, to a field within it.
    const paths = wanted.flatMap((path, i) => {
      const column = file.columns[names.indexOf(heads[i])];
      return column === undefined ? [] : [column + path.slice(heads[i].length)];
    });
    let line = 0;
    for await (const value of file.read(paths)) {
      yield withPlainNames({ line: ++line, value }, heads);
    }
  } finally {
    await file.close();
  }
}

/** The records of a JSON Lines file. Blank lines are skipped, a byte order mark and CRLF are fine. */
export async function* jsonRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FileRecord> {
  for await (const record of lineRecords(chunks)) yield ofBoundedDepth(record);
}

/** The record, or the error that its value is nested too deeply for functions that call themselves for each level. */
function ofBoundedDepth(record: FileRecord): FileRecord {
  if (!isDeeper(record.value, MAX_DEPTH)) return record;
  return { line: record.line, error: `lists or objects nested more than ${MAX_DEPTH} deep` };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

async function* lineRecords(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<FileRecord> {
  let line = 0;
  for await (const bytes of splitLines(chunks)) {
    line++;
    if (bytes === undefined) {
      yield { line, error: TOO_LONG };
      continue;
    }
    let text: string;
    try {
      text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).trim();
    } catch {
      yield { line, error: 'not UTF-8 text' };
      continue;
    }
    if (text === '') continue;
    try {
      yield { line, value: parseJson(text) };
    } catch (error) {
      yield { line, error: `not valid JSON (${(error as Error).message})` };
    }
  }
}

/** The bytes of each line without its newline; undefined for a line over the limit. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array | undefined> {
  let parts: Uint8Array[] = [];
  let length = 0;
  const add = (part: Uint8Array) => {
    length += part.length;
    if (length > LONGEST_LINE) parts = [];
    else parts.push(part);
  };
  const take = () => {
    const line = length > LONGEST_LINE ? undefined : Buffer.concat(parts);
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield take();
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield take();
}

/**
 * The records of a CSV file with a header line, as objects of texts.
 *
 * @param check throws when the columns of the header will not do
 * @throws UserError when the file is not UTF-8
 */
export async function* csvRecords(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  check: (columns: string[]) => void,
): AsyncGenerator<FileRecord> {
  const skipped: FileRecord[] = [];
  let last: FileRecord | undefined;
  const parser = parse({
    bom: true,
    info: true,
    delimiter: path.toLowerCase().endsWith('.tsv') ? '\t' : ',',
    columns: (header: string[]) => {
      const columns = header.map(plainName);
      check(columns);
      return columns;
    },
    skip_empty_lines: true,
    max_record_size: LONGEST_LINE,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const record = { line: Number(error?.lines ?? 0), error: csvReason(error) };
      // A field that is too long is reported for each piece of it.
      if (record.line !== last?.line || record.error !== last.error) skipped.push(record);
      last = record;
      return undefined;
    },
  });
  const source = Readable.from(decode(path, chunks));
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser) {
      yield* skipped.splice(0);
      // `info.lines` is the line on which a record ends.
      yield { line: info.lines, value: record };
    }
    yield* skipped;
  } catch (error) {
    if (error instanceof UserError || !(error as CsvError).code?.startsWith('CSV_')) throw error;
    yield* skipped;
    yield { line: Number((error as CsvError).lines ?? 0), error: csvReason(error as CsvError) };
  } finally {
    source.destroy();
  }
}

/**
 * The columns of a header line.
 * @throws UserError when a name stands twice, of which the last would count in silence
 */
export function distinctColumns(path: string, columns: string[]): string[] {
  const seen = new Set<string>();
  for (const name of columns) {
    if (name !== '' && seen.has(name)) {
      throw new UserError(`${path} has the column "${name}" twice: remove or rename one`);
    }
    seen.add(name);
  }
  return columns;
}

function csvReason(error: CsvError | undefined): string {
  switch (error?.code) {
    case 'CSV_MAX_RECORD_SIZE':
      return TOO_LONG;
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quotation mark is opened and not closed';
    case 'CSV_RECORD_INCONSISTENT_COLUMNS':
      return 'another number of columns than the first line';
    default:
      return error?.message ?? 'not valid CSV';
  }
}

async function* decode(path: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError(`${path} is not UTF-8 text: save it as UTF-8`, { cause });
  }
}
