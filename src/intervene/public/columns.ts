import { parse } from 'csv-parse/sync';
import { UserError } from '../../errors.js';
import { numberText, parseJson } from '../../formats/json.js';
import { readJsonl } from '../../formats/jsonl.js';
import { openParquet } from '../../formats/parquet.js';
import { readTextFile } from '../../formats/text-file.js';
import { MAX_QUESTION, tooLong } from '../../questions/limits.js';
import { distinctColumns } from '../../questions/records.js';

/** A row of a user's file, by column. */
export type Row = Record<string, unknown>;

/**
 * The rows of a CSV, JSON, JSONL or Parquet file.
 * @throws UserError that names the file for one that cannot be read, is empty, or lacks a needed column
 */
export async function readRows(path: string, needed: readonly string[]): Promise<Row[]> {
  const rows = (await rowsOf(path)).map((row) => withNames(row, needed));
  if (rows.length === 0) throw new UserError(`${path} holds no rows`);
  const columns = Object.keys(rows[0]);
  const missing = needed.filter((column) => !columns.includes(column));
  if (missing.length > 0) {
    throw new UserError(
      `${path} has no column ${missing.map((column) => `"${column}"`).join(', ')}: it needs ${needed.join(', ')}, and has ${columns.join(', ')}`,
    );
  }
  rows.forEach((row, i) => {
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'string' || value.length <= MAX_QUESTION) continue;
      throw new UserError(`${path}, row ${i + 1}: "${column}" ${tooLong(MAX_QUESTION)}`);
    }
  });
  return rows;
}

/** The row with the needed columns under their names, whatever their upper and lower case in the file. */
function withNames(row: Row, needed: readonly string[]): Row {
  const named: Row = { ...row };
  for (const name of needed) {
    if (name in row) continue;
    const other = Object.keys(row).find((key) => key.trim().toLowerCase() === name.toLowerCase());
    if (other !== undefined) named[name] = row[other];
  }
  return named;
}

async function rowsOf(path: string): Promise<Row[]> {
  if (/\.parquet$/i.test(path)) {
    const file = await openParquet(path);
    try {
      const rows: Row[] = [];
      for await (const row of file.read(file.columns)) rows.push(row);
      return rows;
    } finally {
      await file.close();
    }
  }
  if (/\.jsonl$/i.test(path)) {
    const rows: Row[] = [];
    for await (const { line, value } of readJsonl(path)) rows.push(asRow(value, `${path}, line ${line}`));
    return rows;
  }
  const text = await readTextFile(path);
  try {
    if (/\.json$/i.test(path)) {
      const value: unknown = parseJson(text);
      if (!Array.isArray(value)) throw new Error('it is no list of objects');
      return value.map((row, i) => asRow(row, `${path}, entry ${i + 1}`));
    }
    const columns = (header: string[]) => distinctColumns(path, header);
    return parse(text, { columns, bom: true, skip_empty_lines: true, trim: true });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} cannot be read: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
}

function asRow(value: unknown, place: string): Row {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UserError(`${place}: expected an object with named fields`);
  }
  return value as Row;
}

/** The text of a cell; undefined where it is empty or none. */
export function cellText(value: unknown): string | undefined {
  if (typeof value === 'number') return numberText(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
