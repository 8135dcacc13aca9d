import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { UserError } from '../../errors.js';
import { fileError } from '../../formats/file-error.js';
import { type Cursor, openCursor } from './cursor.js';
import { readMetadata } from './read-metadata.js';
import { readTensors } from './read-tensors.js';
import { guessFormat } from './sniff.js';
import { otherParts } from './split.js';
import type { Gguf, Metadata, TensorInfo } from './types.js';
import { numberAt, printable } from './values.js';

/** Magic, version, number of tensors, number of metadata entries. */
const FIXED_HEADER_BYTES = 24;

/**
 * Reads header, metadata and tensor list of a GGUF file (version 2 or 3); of the tensor data, nothing.
 * A split model is named by its first part; the other parts are found beside it and their tensors included.
 * All lengths are checked against the file, so that a damaged or hostile file cannot make it allocate or read at will.
 *
 * @throws UserError where the file is missing, no regular file, no GGUF (with a guess at what it is), of another
 *   version, damaged, or incomplete.
 */
export async function readGguf(path: string): Promise<Gguf> {
  const first = readFile(path);
  const tensors = new Map(first.tensors);
  const files = [path];
  for (const part of otherParts(path, first.metadata)) {
    for (const [name, tensor] of readFile(part).tensors) {
      if (tensors.has(name)) {
        throw new UserError(
          `${part}: the tensor ${printable(name)} is also in another part; download all parts again`,
        );
      }
      tensors.set(name, tensor);
    }
    files.push(part);
  }
  const expected = numberAt(first.metadata, 'split.tensors.count');
  if (files.length > 1 && expected !== undefined && expected !== tensors.size) {
    throw new UserError(
      `${path}: the model has ${expected} tensors, but its ${files.length} parts hold ${tensors.size}; download all parts again`,
    );
  }
  return { ...first, tensors, files };
}

type SingleFile = Omit<Gguf, 'files'> & { tensors: Map<string, TensorInfo> };

function readFile(path: string): SingleFile {
  const fd = openRegularFile(path);
  try {
    const fileSize = fstatSync(fd).size;
    const head = Buffer.alloc(Math.min(64, fileSize));
    readSync(fd, head, 0, head.length, 0);
    checkMagic(head, path);
    return parse(openCursor(fd, fileSize, path), fileSize, path);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    closeSync(fd);
  }
}

function parse(cursor: Cursor, fileSize: number, path: string): SingleFile {
  cursor.take(4, 'the magic');
  const version = checkVersion(cursor.uint32('the version'), path);
  const tensorCount = cursor.length('the number of tensors');
  const entryCount = cursor.length('the number of metadata entries');
  const metadata = readMetadata(cursor, entryCount, path);
  const alignment = alignmentOf(metadata, path);
  const { tensors, dataOffset } = readTensors(cursor, { tensorCount, alignment, fileSize, path });
  return { path, version, metadata, tensors, alignment, dataOffset, fileSize };
}

function openRegularFile(path: string): number {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new UserError(`${path} is a folder; name a GGUF file in it`);
    // Opening a pipe would wait for a writer for ever.
    if (!stat.isFile()) throw new UserError(`${path} is no regular file; name a GGUF file`);
    return openSync(path, 'r');
  } catch (error) {
    throw fileError(error, 'open', path);
  }
}

function checkMagic(head: Buffer, path: string): void {
  if (head.length === 0) throw new UserError(`${path}: the file is empty; download it again`);
  if (head.toString('latin1', 0, 4) === 'GGUF') {
    if (head.length >= FIXED_HEADER_BYTES) return;
    throw new UserError(
      `${path}: the file ends after ${head.length} bytes, within the header; download it again`,
    );
  }
  const guess = guessFormat(head);
  if (guess) throw new UserError(`${path}: not a GGUF file but ${guess.kind}; ${guess.advice}`);
  const hex = head.subarray(0, 4).toString('hex');
  throw new UserError(
    `${path}: not a GGUF file (it begins with the bytes ${hex}, not "GGUF"); name a model in GGUF format`,
  );
}

function checkVersion(version: number, path: string): 2 | 3 {
  if (version === 2 || version === 3) return version;
  if (version === 1) {
    throw new UserError(
      `${path}: GGUF version 1, which llama.cpp no longer reads; download a newer conversion`,
    );
  }
  if ((version & 0xffff) === 0) {
    throw new UserError(`${path}: a big-endian GGUF file; download the little-endian one`);
  }
  throw new UserError(
    `${path}: GGUF version ${version}, but only 2 and 3 are known; update hneurons, or download the file again if it is damaged`,
  );
}

function alignmentOf(metadata: Metadata, path: string): number {
  const entry = metadata.get('general.alignment');
  if (!entry) return 32;
  const value = entry.type === 'uint32' ? entry.value : 0;
  // Powers of two only, as ggml wants it; `&` alone would take 0 for one.
  if (value > 0 && (value & (value - 1)) === 0) return value;
  throw new UserError(
    `${path}: the file is damaged: general.alignment is no power of two; download it again`,
  );
}
