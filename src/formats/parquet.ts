import { UserError } from '../errors.js';
import { fileError } from './file-error.js';
import { acquireProcess, type ParquetProcess } from './parquet/host.js';
import type { Reply, Request } from './parquet/protocol.js';

/** A Parquet file whose footer has been read. */
export interface ParquetFile {
  /** Names of its top-level columns, in order. */
  columns: string[];
  rows: number;
  /**
   * The rows as objects, one row group after the other: no more than one is in memory, and of it only the wanted
   * columns; `answer.aliases` is a field of a struct.
   * Lists and structs are arrays and objects; integers are numbers, or text where a number cannot hold them; dates are text.
   */
  read(columns: readonly string[]): AsyncGenerator<Record<string, unknown>>;
  close(): Promise<void>;
}

/**
 * Opens a Parquet file (any codec in use: none, Snappy, gzip, Brotli, LZ4, Zstandard). It is decoded in a process of its own with limits of
 * memory and processor time, so that a damaged file neither blocks this process nor ends it.
 * @param signal ends the reading, which then rejects with its reason
 * @throws UserError that names the file when it cannot be read or is damaged; also while its rows are read.
 */
export async function openParquet(path: string, signal?: AbortSignal): Promise<ParquetFile> {
  const reader = acquireProcess();
  try {
    const opened = await ask(reader, path, { kind: 'open', path }, signal);
    if (opened.kind !== 'opened') throw new Error(`unexpected reply ${opened.kind}`);
    let isOpen = true;
    return {
      columns: opened.columns,
      rows: opened.rows,
      read: (wanted) => readRows(reader, path, wanted, signal),
      async close() {
        if (!isOpen) return;
        isOpen = false;
        await ask(reader, path, { kind: 'close' }).catch(() => {});
        reader.release();
      },
    };
  } catch (error) {
    reader.release();
    throw error;
  }
}

async function* readRows(
  reader: ParquetProcess,
  path: string,
  wanted: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<Record<string, unknown>> {
  let reply = await ask(reader, path, { kind: 'read', wanted }, signal);
  while (reply.kind === 'batch' && reply.rows !== undefined) {
    for (const row of reply.rows) yield plain(row) as Record<string, unknown>;
    reply = await ask(reader, path, { kind: 'next' }, signal);
  }
}

/** @throws UserError when the file is damaged or cannot be read */
async function ask(
  reader: ParquetProcess,
  path: string,
  request: Request,
  signal?: AbortSignal,
): Promise<Reply> {
  const reply = await reader.ask(request, path, signal);
  if (reply.kind === 'failed') throw fileError(Object.assign(new Error(reply.code), reply), 'read', path);
  if (reply.kind === 'damaged') {
    throw new UserError(`${path} is not a Parquet file that can be read, or is damaged (${reply.reason})`);
  }
  return reply;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * Values as JSON has them, in lists and structs too: a 64-bit integer that a number cannot hold is text, and so is a date.
 */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return dateText(value);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

/** A date, with the time of day where there is one; undefined for one that is out of range. */
function dateText(date: Date): string | undefined {
  if (Number.isNaN(date.getTime())) return undefined;
  return date.toISOString().replace(/T00:00:00\.000Z$/, '');
}
