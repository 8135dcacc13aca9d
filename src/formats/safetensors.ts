import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { access, type FileHandle, open } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeAtomicWith } from './atomic.js';
import { fileError } from './file-error.js';
import { countHeld, encodeHalvesHeld } from './float16.js';
import { duplicateKey } from './json-keys.js';

const BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type SafetensorsType = keyof typeof BYTES;

export interface TensorInfo {
  dtype: SafetensorsType;
  shape: number[];
  /** Byte in the file at which the tensor begins. */
  offset: number;
  bytes: number;
}

export interface Safetensors {
  path: string;
  tensors: Map<string, TensorInfo>;
  metadata: Record<string, string>;
}

const LONGEST_HEADER = 100_000_000;
/** Maximum number of dimensions. */
const MAX_RANK = 64;
const size = z.number().int().nonnegative();
const TensorSchema = z.object({
  dtype: z.enum(Object.keys(BYTES) as [SafetensorsType, ...SafetensorsType[]]),
  shape: z.array(size),
  data_offsets: z.tuple([size, size]),
});
const MetadataSchema = z.record(z.string(), z.string());

/**
 * Reads the header of a safetensors file. Every tensor is checked to have the bytes that its shape and type need, and the tensors to
 * fill the file, one after another, as the format demands.
 * Throws a UserError that names the file and what is wrong with it.
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    const { text, start, fileSize } = await readHeader(file, path);
    const bad = (reason: string) => new UserError(`${path}: damaged safetensors file: ${reason}`);
    let raw: unknown;
    try {
      raw = JSON.parse(text);
    } catch {
      throw bad('the header is not JSON');
    }
    const twice = duplicateKey(text);
    if (twice !== undefined) throw bad(`its header has ${JSON.stringify(twice)} twice`);
    const entries = z.record(z.string(), z.unknown()).safeParse(raw);
    if (!entries.success) throw bad('the header is no JSON object');
    const { __metadata__, ...rest } = entries.data;
    const metadata = MetadataSchema.safeParse(__metadata__ ?? {});
    if (!metadata.success) throw bad('__metadata__ holds something other than text');

    const tensors = new Map<string, TensorInfo>();
    for (const [name, value] of Object.entries(rest)) {
      const parsed = TensorSchema.safeParse(value);
      if (!parsed.success) throw bad(`tensor ${JSON.stringify(name)} is not described as it should be`);
      const { dtype, shape, data_offsets: range } = parsed.data;
      const bytes = shape.reduce((product, n) => product * n, BYTES[dtype]);
      if (shape.length > MAX_RANK || range[1] - range[0] !== bytes) {
        throw bad(
          `tensor ${JSON.stringify(name)} of shape [${shape.slice(0, MAX_RANK)}] needs ${bytes} bytes, not ${range[1] - range[0]}`,
        );
      }
      if (start + range[1] > fileSize) {
        throw bad(`tensor ${JSON.stringify(name)} ends at byte ${start + range[1]} of a file of ${fileSize}`);
      }
      tensors.set(name, { dtype, shape, offset: start + range[0], bytes });
    }
    const ordered = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
    let end = start;
    let before = 'the header';
    for (const [name, { offset, bytes }] of ordered) {
      const here = JSON.stringify(name);
      if (offset < end) throw bad(`tensors ${before} and ${here} overlap`);
      if (offset > end) throw bad(`there is a gap between ${before} and ${here}`);
      end += bytes;
      before = here;
    }
    if (end !== fileSize) throw bad(`its tensors end at byte ${end} of a file of ${fileSize}`);
    return { path, tensors, metadata: metadata.data };
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string) {
  const { size: fileSize } = await file.stat();
  const lengthBytes = Buffer.alloc(8);
  const { bytesRead } = await file.read(lengthBytes, 0, 8, 0);
  const length = bytesRead === 8 ? lengthBytes.readBigUInt64LE() : 0n;
  if (length === 0n || length > LONGEST_HEADER || 8 + Number(length) > fileSize) {
    throw new UserError(`${path}: not a safetensors file, or a truncated one`);
  }
  const header = Buffer.alloc(Number(length));
  await file.read(header, 0, header.length, 8);
  return { text: header.toString('utf8'), start: 8 + header.length, fileSize };
}

export interface SafetensorsWriter {
  /** True: the file was there already, with these tensors, and keeps the rows written so far. */
  resumed: boolean;
  tensors: Map<string, TensorInfo>;
  /**
   * Writes row `row` (along the first axis) of a tensor. When it returns, the row survives the death of this process.
   * @returns of a float16 tensor, how many numbers of the row stand at its limit of +-65504; else 0
   */
  writeRow(name: string, row: number, data: Float32Array): number;
  /** Makes all rows survive a power cut as well. */
  sync(): void;
  close(): void;
}

/** A tensor to be written, float32 unless said otherwise. */
export interface TensorShape {
  shape: number[];
  dtype?: 'F32' | 'F16';
}

/**
 * Opens a safetensors file of float32 or float16 tensors for writing row by row, in any order. The file has its full size from the
 * start (sparse where the file system can: rows not yet written read as zeros and take no room). A file that is there
 * already is continued when tensors and metadata are the same; which rows it holds is for the caller to know.
 * Throws a UserError when a file of another layout is in the way, or the file cannot be made or written (disk full).
 */
export async function createSafetensors(
  path: string,
  shapes: Record<string, TensorShape>,
  metadata: Record<string, string> = {},
): Promise<SafetensorsWriter> {
  const { header, total } = layOutSafetensors(shapes, metadata);
  const resumed = await access(path).then(
    () => true,
    () => false,
  );
  if (!resumed) {
    await writeAtomicWith(path, async (file) => {
      await file.writeFile(header);
      await file.truncate(total);
    });
  }
  const { tensors, metadata: found } = await openSafetensors(path);
  if (!sameLayout(tensors, shapes) || !sameText(found, metadata)) {
    throw new UserError(
      `${path}: holds other tensors than this run writes; move it away or use another folder`,
    );
  }
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r+');
  } catch (error) {
    throw fileError(error, 'write', path);
  }
  return {
    resumed,
    tensors,
    writeRow(name, row, data) {
      const tensor = tensors.get(name);
      const rows = tensor?.shape[0] ?? 0;
      if (!tensor || row < 0 || row >= rows || data.length !== tensor.bytes / rows / BYTES[tensor.dtype]) {
        throw new RangeError(
          `row ${row} of ${data.length} values does not fit tensor ${name} of [${tensor?.shape}]`,
        );
      }
      const halves = tensor.dtype === 'F16' ? new Uint16Array(data.length) : undefined;
      if (halves) encodeHalvesHeld(data, halves);
      const { buffer, byteOffset, byteLength } = halves ?? data;
      const at = tensor.offset + row * byteLength;
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      try {
        for (let done = 0; done < bytes.length; ) {
          done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
        }
      } catch (error) {
        throw fileError(error, 'write', path);
      }
      return halves ? countHeld(halves) : 0;
    },
    sync() {
      try {
        fsyncSync(descriptor);
      } catch (error) {
        throw fileError(error, 'write', path);
      }
    },
    close: () => closeSync(descriptor),
  };
}

/** Whether a whole file of these tensors, written by this program, is there. What its rows hold is not looked at. */
export async function hasLayout(
  path: string,
  shapes: Record<string, TensorShape>,
  metadata: Record<string, string>,
): Promise<boolean> {
  const { header, total } = layOutSafetensors(shapes, metadata);
  const file = await open(path, 'r').catch((error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'read', path);
  });
  if (!file) return false;
  try {
    const found = Buffer.alloc(header.length);
    await file.read(found, 0, found.length, 0);
    return found.equals(header) && (await file.stat()).size === total;
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

/** The first bytes of a file of these tensors, one after another, and its size in bytes. */
export function layOutSafetensors(
  shapes: Record<string, TensorShape>,
  metadata: Record<string, string>,
): { header: Buffer; total: number } {
  const description: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) description.__metadata__ = metadata;
  let end = 0;
  for (const [name, { shape, dtype = 'F32' }] of Object.entries(shapes)) {
    const start = end;
    end += shape.reduce((product, n) => product * n, BYTES[dtype]);
    description[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const json = Buffer.from(JSON.stringify(description));
  // Spaces after the JSON put the first tensor at a multiple of 8 bytes.
  const header = Buffer.alloc(Math.ceil((8 + json.length) / 8) * 8, 0x20);
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  return { header, total: header.length + end };
}

function sameLayout(tensors: Map<string, TensorInfo>, shapes: Record<string, TensorShape>): boolean {
  const wanted = Object.entries(shapes);
  return (
    wanted.length === tensors.size &&
    wanted.every(([name, { shape, dtype = 'F32' }]) => {
      const tensor = tensors.get(name);
      return tensor?.dtype === dtype && tensor.shape.join() === shape.join();
    })
  );
}

function sameText(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
