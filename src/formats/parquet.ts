import { open } from 'node:fs/promises';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';

/** A Parquet file whose footer has been read. */
export interface ParquetFile {
  /** Names of its top-level columns, in order. */
  columns: string[];
  rows: number;
  /**
   * The rows as objects, one row group after the other: no more than one is in memory, and of it only the wanted columns.
   * Lists and structs are arrays and objects, integers are numbers.
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
    const slice = async (start: number, end = byteLength): Promise<ArrayBuffer> => {
      // Offsets come from the file: they must not ask for more memory than the file has bytes.
      if (!(start >= 0 && start <= end && end <= byteLength))
        throw new RangeError('an offset outside the file');
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new RangeError('it ended while it was read');
        at += bytesRead;
      }
      return bytes.buffer;
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

async function* readRows(
  path: string,
  file: AsyncBuffer,
  metadata: FileMetaData,
  columns: readonly string[],
): AsyncGenerator<Record<string, unknown>> {
  const { parquetReadObjects } = await import('hyparquet');
  const { compressors } = await import('hyparquet-compressors');
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const from = rowStart;
    const rows = await guarded(path, () =>
      parquetReadObjects({ file, metadata, columns: [...columns], rowStart: from, rowEnd, compressors }),
    );
    for (const row of rows) yield plain(row) as Record<string, unknown>;
    rowStart = rowEnd;
  }
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

/** 64-bit integers as numbers, in lists and structs too. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
