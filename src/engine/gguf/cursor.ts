import { readSync } from 'node:fs';
import { UserError } from '../../errors.js';
import type { StringList } from './types.js';

/** A header beyond this is no model's: the largest vocabularies need about 20 MiB. */
const MAX_HEADER_BYTES = 128 * 2 ** 20;
const FIRST_READ = 2 ** 20;

/**
 * Reads a GGUF header front to back. The bytes read so far are kept (string arrays are decoded from them later);
 * no read and no allocation goes beyond the end of the file or MAX_HEADER_BYTES, whatever lengths the file claims.
 */
export interface Cursor {
  readonly position: number;
  /** Throws a UserError unless `bytes` more bytes can be read; called before anything of a claimed size is allocated. */
  require(bytes: number, what: string): void;
  uint32(what: string): number;
  /** An unsigned 64-bit length or offset. UserError where it is beyond 2^53. */
  length(what: string): number;
  /** A view of the next bytes, valid until the next read. */
  take(bytes: number, what: string): DataView;
  /** A copy of the next bytes in a buffer of their own. */
  copy(bytes: number, what: string): ArrayBuffer;
  string(what: string): string;
  /** Skips over `count` strings and returns a list that decodes them on demand. */
  strings(count: number, what: string): StringList;
}

/** `fd` is open for reading `fileSize` bytes of the file named `path` (for messages). */
export function openCursor(fd: number, fileSize: number, path: string): Cursor {
  const end = Math.min(fileSize, MAX_HEADER_BYTES);
  let bytes = Buffer.allocUnsafeSlow(Math.min(FIRST_READ, end));
  let view = viewOf(bytes);
  let loaded = 0;
  let position = 0;

  function refuse(count: number, what: string): never {
    if (fileSize > end) {
      throw new UserError(`${path}: the header is damaged (${what} is too large); download the file again`);
    }
    throw new UserError(
      `${path}: the file is incomplete or damaged: ${what} needs ${count} bytes from byte ${position} on, ` +
        `but the file has ${fileSize}; download it again`,
    );
  }

  function require(count: number, what: string): void {
    if (count > end - position) refuse(count, what);
  }

  function need(count: number, what: string): void {
    if (position + count <= loaded) return;
    require(count, what);
    if (position + count > bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(end, Math.max(position + count, 2 * bytes.length)));
      bytes.copy(grown, 0, 0, loaded);
      bytes = grown;
      view = viewOf(bytes);
    }
    while (loaded < bytes.length) {
      const read = readSync(fd, bytes, loaded, bytes.length - loaded, loaded);
      if (read === 0) break;
      loaded += read;
    }
    if (position + count > loaded) refuse(count, what);
  }

  function uint32(what: string): number {
    need(4, what);
    position += 4;
    return view.getUint32(position - 4, true);
  }

  function length(what: string): number {
    need(8, what);
    const value = view.getUint32(position, true) + view.getUint32(position + 4, true) * 2 ** 32;
    if (!Number.isSafeInteger(value)) {
      throw new UserError(`${path}: the file is damaged: ${what} is ${value}; download it again`);
    }
    position += 8;
    return value;
  }

  function take(count: number, what: string): DataView {
    need(count, what);
    position += count;
    return new DataView(bytes.buffer, bytes.byteOffset + position - count, count);
  }

  function string(what: string): string {
    const count = length(what);
    need(count, what);
    position += count;
    return bytes.toString('utf8', position - count, position);
  }

  function strings(count: number, what: string): StringList {
    require(8 * count, what);
    const starts = new Uint32Array(count);
    const lengths = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const bytesOfThis = length(what);
      need(bytesOfThis, what);
      starts[i] = position;
      lengths[i] = bytesOfThis;
      position += bytesOfThis;
    }
    const at = (i: number) =>
      i >= 0 && i < count ? bytes.toString('utf8', starts[i], starts[i] + lengths[i]) : undefined;
    return { length: count, at };
  }

  return {
    get position() {
      return position;
    },
    require,
    uint32,
    length,
    take,
    copy: (count, what) => {
      const taken = take(count, what);
      return taken.buffer.slice(taken.byteOffset, taken.byteOffset + count) as ArrayBuffer;
    },
    string,
    strings,
  };
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
