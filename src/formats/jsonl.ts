import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';
import { parseJson } from './json.js';

export interface JsonlEntry {
  /** Line number in the file, from 1. */
  line: number;
  value: unknown;
}

const NEWLINE = 0x0a;
const CHUNK = 1 << 18;
/** Default maximum bytes of a line. */
const LONGEST_LINE = 1 << 26;

/**
 * The values of a JSON Lines file, one by one, in bounded memory. Blank lines, a byte order mark and CRLF are fine.
 * Lines end at byte 0x0A only (a JSON string may hold U+2028, at which `readline` would break it).
 * With `ignoreTorn` an unfinished last line (no newline, not valid JSON) is left out: that is what a killed writer leaves.
 * With `skipBroken` every line that is not valid is: for caches, where it costs no more than what it held.
 * Throws a UserError that names file, line and reason for a line that is not JSON, not UTF-8, or of more than `longest` bytes.
 */
export async function* readJsonl(
  path: string,
  {
    ignoreTorn = false,
    skipBroken = false,
    longest = LONGEST_LINE,
  }: { ignoreTorn?: boolean; skipBroken?: boolean; longest?: number } = {},
): AsyncGenerator<JsonlEntry> {
  let line = 0;
  for await (const { bytes, ended } of byteLines(path, longest)) {
    line += 1;
    if (bytes === undefined) {
      if (skipBroken) continue;
      if (!ended && ignoreTorn) return;
      throw new UserError(`${path}, line ${line}: longer than ${longest >> 20} MiB`);
    }
    let text: string;
    try {
      // The decoder drops a byte order mark at the start of its input.
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: line > 1 }).decode(bytes);
    } catch (cause) {
      if (skipBroken) continue;
      if (!ended && ignoreTorn) return;
      throw new UserError(`${path}, line ${line}: not UTF-8 text; save the file as UTF-8`, { cause });
    }
    if (text.trim() === '') continue;
    let value: unknown;
    try {
      value = parseJson(text);
    } catch (cause) {
      if (skipBroken) continue;
      if (!ended && ignoreTorn) return;
      throw new UserError(`${path}, line ${line}: not valid JSON (${(cause as Error).message})`, { cause });
    }
    yield { line, value };
  }
}

/** The bytes of each line; undefined for one of more than `longest` bytes, which is not kept in memory. */
async function* byteLines(
  path: string,
  longest: number,
): AsyncGenerator<{ bytes: Uint8Array | undefined; ended: boolean }> {
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    let parts: Uint8Array[] = [];
    let length = 0;
    const add = (part: Uint8Array) => {
      length += part.length;
      if (length > longest) parts = [];
      else parts.push(part);
    };
    const take = (ended: boolean) => {
      const line = { bytes: length > longest ? undefined : Buffer.concat(parts), ended };
      parts = [];
      length = 0;
      return line;
    };
    for (;;) {
      const chunk = new Uint8Array(CHUNK);
      const { bytesRead } = await file.read(chunk, 0, CHUNK).catch((error) => {
        throw fileError(error, 'read', path);
      });
      if (bytesRead === 0) break;
      let from = 0;
      for (;;) {
        const at = chunk.subarray(0, bytesRead).indexOf(NEWLINE, from);
        if (at < 0) break;
        add(chunk.subarray(from, at));
        yield take(true);
        from = at + 1;
      }
      if (from < bytesRead) add(chunk.subarray(from, bytesRead));
    }
    if (length > 0) yield take(false);
  } finally {
    await file.close();
  }
}

export interface JsonlWriter {
  /** Appends one line. When it returns, the line survives the death of this process. */
  append(value: unknown): void;
  /** Makes all lines survive a power cut as well. */
  sync(): void;
  close(): void;
}

/**
 * Opens a JSON Lines file for appending, made with its folders where it is missing. An unfinished last line, left by
 * a writer that was killed, is cut off, so that the next line starts clean; a whole object that only lacks its
 * newline is kept. A line that does not fit on the disk leaves the file as it was before it.
 * Throws a UserError that names the file when it cannot be opened or written.
 */
export function openJsonlWriter(path: string): JsonlWriter {
  let descriptor: number;
  let size: number;
  try {
    mkdirSync(dirname(path), { recursive: true });
    descriptor = openSync(path, openFlags(path));
    size = fstatSync(descriptor).size;
  } catch (error) {
    throw fileError(error, 'write', path);
  }

  const append = (text: string) => {
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) {
        written += writeSync(descriptor, bytes, written, bytes.length - written, size + written);
      }
    } catch (error) {
      if (written > 0) ftruncateSync(descriptor, size);
      throw fileError(error, 'write', path);
    }
    size += bytes.length;
  };

  const tail = lastLine(descriptor, size);
  if (tail.length > 0) {
    if (isWholeObject(tail)) append('\n');
    else {
      size -= tail.length;
      ftruncateSync(descriptor, size);
    }
  }
  return {
    append: (value) => append(`${JSON.stringify(value)}\n`),
    sync: () => {
      try {
        fsyncSync(descriptor);
      } catch (error) {
        throw fileError(error, 'write', path);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** `r+` keeps what is there and, unlike `a`, lets a write be placed; it does not make the file, so that is done first. */
function openFlags(path: string): string {
  closeSync(openSync(path, 'a'));
  return 'r+';
}

/** What follows the last newline: empty in a clean file. */
function lastLine(descriptor: number, size: number): Buffer {
  let tail = Buffer.alloc(0);
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK);
    const chunk = Buffer.alloc(end - start);
    readSync(descriptor, chunk, 0, chunk.length, start);
    const at = chunk.lastIndexOf(NEWLINE);
    tail = Buffer.concat([chunk.subarray(at + 1), tail]);
    if (at >= 0) break;
    end = start;
  }
  return tail;
}

function isWholeObject(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    // A torn number is still a number; only brackets show that a value is whole.
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}
