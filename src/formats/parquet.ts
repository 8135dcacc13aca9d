import { type FileHandle, open } from 'node:fs/promises';
import type { AsyncBuffer, FileMetaData, SchemaElement } from 'hyparquet';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';
import { parseJson } from './json.js';

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
 * Opens a Parquet file (any codec in use: none, Snappy, gzip, Brotli, LZ4, Zstandard).
 * @throws UserError that names the file when it cannot be read or is damaged; also while its rows are read.
 */
export async function openParquet(path: string): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetSchema } = await import('hyparquet');
  const handle = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    const byteLength = (await handle.stat()).size;
    const slice = (start: number, end = byteLength): Promise<ArrayBuffer> => {
      // Offsets come from the file: they must not ask for more memory than the file has bytes. Thrown at once, not as a
      // rejection: the parser may drop the promise.
      if (!(start >= 0 && start <= end && end <= byteLength))
        throw new RangeError('an offset outside the file');
      return readBytes(handle, start, end - start);
    };
    const file: AsyncBuffer = { byteLength, slice };
    const metadata = await guarded(path, () => parquetMetadataAsync(file));
    const columns = await guarded(path, async () =>
      parquetSchema(metadata).children.map(({ element }) => element.name),
    );
    return {
      columns,
      rows: Number(metadata.num_rows),
      read: (wanted) => readRows(path, file, metadata, wanted),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error instanceof UserError ? error : fileError(error, 'read', path);
  }
}

async function readBytes(handle: FileHandle, start: number, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, length - at, start + at);
    if (bytesRead === 0) throw new RangeError('it ended while it was read');
    at += bytesRead;
  }
  return bytes.buffer;
}

async function* readRows(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  wanted: readonly string[],
): AsyncGenerator<Record<string, unknown>> {
  const { parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  const views = await guarded(path, async () =>
    leavesOf(metadata)
      .filter((leaf) => wanted.some((column) => leaf === column || leaf.startsWith(`${column}.`)))
      .map((leaf) => onlyLeaf(metadata, leaf)),
  );
  let end = 0;
  for (const group of metadata.row_groups) {
    const rowStart = end;
    end += Number(group.num_rows);
    const rowEnd = end;
    let rows: Record<string, unknown>[] | undefined;
    // One after the other: of several under way, those behind a damaged one would fail with nobody to notice, which ends the process.
    for (const view of views) {
      const parts = await guarded(path, () =>
        parquetReadObjects({ file, metadata: view, rowStart, rowEnd, compressors, parsers: PARSERS }),
      );
      const scale = decimalScale(path, view);
      const read = parts.map((part) => plain(part, scale) as Record<string, unknown>);
      if (rows !== undefined && rows.length !== read.length) {
        throw new UserError(`${path} is damaged (its columns have different numbers of rows)`);
      }
      rows?.forEach((row, i) => {
        merge(row, read[i]);
      });
      rows ??= read;
    }
    if (rows) yield* rows;
  }
}

/** The paths of all columns that hold values, as `answer.aliases.list.element`. */
function leavesOf(metadata: FileMetaData): string[] {
  const leaves: string[] = [];
  let at = 0;
  const walk = (path: string[]): void => {
    const { num_children } = metadata.schema[at++];
    if (num_children === undefined) leaves.push(path.join('.'));
    for (let i = 0; i < (num_children ?? 0); i++) walk([...path, metadata.schema[at].name]);
  };
  walk([]);
  return leaves;
}

/**
 * The metadata of the file if it had this one column with the structs around it.
 * @throws RangeError when a row group lacks the column or has it twice
 */
function onlyLeaf(metadata: FileMetaData, leaf: string): FileMetaData {
  const schema: SchemaElement[] = [];
  let at = 0;
  const keep = (path: string[]): boolean => {
    const element = metadata.schema[at++];
    if (element.num_children === undefined) {
      const kept = path.join('.') === leaf;
      if (kept) schema.push(element);
      return kept;
    }
    const mark = schema.push({ ...element }) - 1;
    let children = 0;
    for (let i = 0; i < element.num_children; i++) {
      if (keep([...path, metadata.schema[at].name])) children++;
    }
    schema[mark].num_children = children;
    if (children === 0) schema.length = mark;
    return children > 0;
  };
  keep([]);
  const row_groups = metadata.row_groups.map((group) => {
    const columns = group.columns.filter(({ meta_data }) => meta_data?.path_in_schema.join('.') === leaf);
    if (columns.length !== 1) throw new RangeError(`a row group has ${columns.length} columns "${leaf}"`);
    return { ...group, columns };
  });
  return { ...metadata, schema, row_groups };
}

/** Puts the fields of a struct that were read apart together again. */
function merge(into: Record<string, unknown>, part: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(part)) {
    const known = into[key];
    if (isRecord(known) && isRecord(value)) merge(known, value);
    else into[key] = value;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

/** Any failure inside the parser is a damaged file. */
async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code?.startsWith('E') && 'syscall' in (cause as object)) throw cause;
    const [reason] = (cause as Error).message.split('\n');
    throw new UserError(`${path} is not a Parquet file that can be read, or is damaged (${reason})`, {
      cause,
    });
  }
}

/** A column that holds JSON must not lose digits either. */
const PARSERS = { jsonFromBytes: (bytes: Uint8Array) => parseJson(new TextDecoder().decode(bytes)) };

/** More digits of a decimal are lost in the parser, which scales it as a number. */
const MAX_DECIMAL_DIGITS = 15;

/**
 * Digits behind the point of a column of decimals; undefined for another type.
 * @throws UserError for decimals with more digits than a number holds
 */
function decimalScale(path: string, { schema }: FileMetaData): number | undefined {
  const { name, converted_type, logical_type, precision = 0, scale = 0 } = schema[schema.length - 1];
  if (converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL') return undefined;
  if (precision <= MAX_DECIMAL_DIGITS) return scale;
  throw new UserError(
    `${path}: the column "${name}" holds decimals of ${precision} digits, more than are read: save it as text`,
  );
}

/** Values as JSON has them, in lists and structs too. */
function plain(value: unknown, scale: number | undefined): unknown {
  if (typeof value === 'number') return scale === undefined ? value : Number(value.toFixed(scale));
  if (typeof value === 'bigint') {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (Array.isArray(value)) return value.map((item) => plain(item, scale));
  if (value instanceof Date) return dateText(value);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner, scale)]));
}

/** A date, with the time of day where there is one; undefined for one that is out of range. */
function dateText(date: Date): string | undefined {
  if (Number.isNaN(date.getTime())) return undefined;
  return date.toISOString().replace(/T00:00:00\.000Z$/, '');
}
