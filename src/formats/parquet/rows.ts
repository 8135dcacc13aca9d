import { type FileHandle, open } from 'node:fs/promises';
import type { FileMetaData, RowGroup } from 'hyparquet';
import { parquetRead } from 'hyparquet';
import { parseJson } from '../json.js';
import { chooseLeaves, chunkOf, type Leaf, leavesOf, onlyLeaf, readMetadata } from './metadata.js';
import { checkPages, MAX_VALUES } from './pages.js';

/** A row of a Parquet file, as the library gives it: 64-bit integers are BigInts. */
export type RawRow = Record<string, unknown>;

/** A batch of rows ends with the row that reaches one of these. */
const BATCH_ROWS = 1000;
const BATCH_BYTES = 1 << 20;
/** Maximum size of a row, as text. */
const MAX_ROW_BYTES = 1 << 26;

/** An open Parquet file. */
export interface RowSource {
  columns: string[];
  rows: number;
  batches(wanted: readonly string[]): AsyncGenerator<RawRow[]>;
  close(): Promise<void>;
}

/** Called before a step, with the number of bytes and values that it works on. */
type OnStep = (bytes: number, values: number) => void;

/**
 * Opens a Parquet file. Every size that it claims is checked before it is used.
 * @throws anything when it cannot be read or is damaged
 */
export async function openRows(path: string, onStep: OnStep): Promise<RowSource> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const footer = await readFooter(handle, size);
    onStep(footer.length, 0);
    const metadata = readMetadata(footer);
    const leaves = leavesOf(metadata);
    return {
      columns: [...new Set(leaves.map(({ elements }) => elements[1].name))],
      rows: Number(metadata.num_rows),
      batches: (wanted) => readBatches({ handle, size, metadata, onStep }, chooseLeaves(leaves, wanted)),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFooter(handle: FileHandle, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const tail = Buffer.from((await readBytes(handle, size, size - 8, size)).buffer);
  if (tail.toString('latin1', 4) !== 'PAR1') throw new RangeError('it does not end like one');
  return readBytes(handle, size, size - 8 - tail.readUInt32LE(0), size);
}

/** Offsets come from the file: they must not ask for more memory than the file has bytes. */
async function readBytes(
  handle: FileHandle,
  size: number,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!(start >= 0 && start <= end && end <= size)) throw new RangeError('an offset outside the file');
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw new RangeError('it ended while it was read');
    at += bytesRead;
  }
  return bytes;
}

interface Source {
  handle: FileHandle;
  size: number;
  metadata: FileMetaData;
  onStep: OnStep;
}

/** One row group after the other: no more than one is in memory, and of it only the chosen columns. */
async function* readBatches(source: Source, leaves: Leaf[]): AsyncGenerator<RawRow[]> {
  if (leaves.length === 0) return;
  for (const group of source.metadata.row_groups) {
    const rows = Number(group.num_rows);
    if (rows * leaves.length > 2 * MAX_VALUES) {
      throw new RangeError(`a row group of ${rows} rows is too large; write it with smaller row groups`);
    }
    const columns: { name: string; values: unknown[] }[] = [];
    for (const leaf of leaves) {
      columns.push({ name: leaf.elements[1].name, values: await readColumn(source, group, leaf) });
    }
    let batch: RawRow[] = [];
    let bytes = 0;
    for (let i = 0; i < rows; i++) {
      const row: RawRow = {};
      for (const { name, values } of columns) mergeField(row, name, values[i]);
      const length = sizeOf(row, MAX_ROW_BYTES);
      batch.push(row);
      bytes += length;
      if (batch.length < BATCH_ROWS && bytes < BATCH_BYTES) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
    if (batch.length > 0) yield batch;
  }
}

async function readColumn(source: Source, group: RowGroup, leaf: Leaf): Promise<unknown[]> {
  const { handle, size, onStep } = source;
  const { start, end, shape } = chunkOf(group, leaf);
  const chunk = await readBytes(handle, size, start, end);
  const pages = checkPages(chunk, shape, () => onStep(chunk.length, 0));
  onStep(
    pages.reduce((total, page) => total + page.length, chunk.length),
    shape.rows,
  );
  const scale = decimalScale(leaf);
  const values: unknown[] = [];
  await parquetRead({
    file: {
      byteLength: size,
      slice: (from, to = size) => {
        if (!(from >= start && from <= to && to <= end)) throw new RangeError('an offset outside its column');
        return chunk.buffer.slice(from - start, to - start);
      },
    },
    metadata: onlyLeaf(source.metadata, group, leaf),
    // The pages were decompressed when they were checked.
    compressors: { [shape.codec]: () => pages.shift() },
    parsers: PARSERS,
    onChunk: ({ columnData }) => {
      for (const value of columnData) values.push(scale === undefined ? value : rounded(value, scale));
    },
  });
  // An index outside of the dictionary gives no value; a null is a value.
  if (values.length !== shape.rows || (shape.isFlat && values.includes(undefined))) {
    throw new RangeError(`the column "${leaf.path}" lacks values`);
  }
  return values;
}

/** A column that holds JSON must not lose digits either. */
const PARSERS = { jsonFromBytes: (bytes: Uint8Array) => parseJson(new TextDecoder().decode(bytes)) };

/** More digits of a decimal are lost in the parser, which scales it as a number. */
const MAX_DECIMAL_DIGITS = 15;

/**
 * Digits behind the point of a column of decimals; undefined for another type.
 * @throws RangeError for decimals with more digits than a number holds
 */
function decimalScale({ path, elements }: Leaf): number | undefined {
  const { converted_type, logical_type, precision = 0, scale = 0 } = elements[elements.length - 1];
  if (converted_type !== 'DECIMAL' && logical_type?.type !== 'DECIMAL') return undefined;
  if (precision <= MAX_DECIMAL_DIGITS) return scale;
  throw new RangeError(
    `the column "${path}" holds decimals of ${precision} digits, more than are read: save it as text`,
  );
}

/** Decimals with the digits that their column declares, in lists too. */
function rounded(value: unknown, scale: number): unknown {
  if (typeof value === 'number') return Number(value.toFixed(scale));
  if (Array.isArray(value)) return value.map((item) => rounded(item, scale));
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, rounded(inner, scale)]));
}

/** Puts the fields of a struct that were read apart together again. */
function mergeField(into: RawRow, key: string, value: unknown): void {
  const known = Object.hasOwn(into, key) ? into[key] : undefined;
  if (isRecord(known) && isRecord(value)) {
    for (const [inner, part] of Object.entries(value)) mergeField(known, inner, part);
  } else {
    Object.defineProperty(into, key, { value, writable: true, enumerable: true, configurable: true });
  }
}

function isRecord(value: unknown): value is RawRow {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

/**
 * About how many bytes of text a value is.
 * @throws RangeError when it is over `most`, or a list lacks an element
 */
function sizeOf(value: unknown, most: number): number {
  let size = 8;
  if (typeof value === 'string') size += value.length;
  else if (ArrayBuffer.isView(value)) size += value.byteLength;
  else if (Array.isArray(value)) {
    for (const item of value) {
      if (item === undefined) throw new RangeError('a list lacks values');
      size += sizeOf(item, most - size);
    }
  } else if (isRecord(value)) {
    for (const item of Object.values(value)) size += sizeOf(item, most - size);
  }
  if (size > most) throw new RangeError('a row is over 64 MiB');
  return size;
}
