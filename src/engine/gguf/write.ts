import type { FileHandle } from 'node:fs/promises';
import { writeAtomicWith } from '../../formats/atomic.js';
import { tensorBytes } from './ggml-types.js';
import { type GgufArray, type GgufValue, type Metadata, type ScalarType, VALUE_TYPES } from './types.js';
import { numberAt } from './values.js';

const VERSION = 3;
const DEFAULT_ALIGNMENT = 32;

export interface TensorSource {
  name: string;
  /** ggml's `ne`, at most four numbers: the first is the length of a contiguous row. */
  shape: number[];
  /** ggml type id. */
  type: number;
  /** The tensor's bytes, or a function that yields them in pieces, called when it is this tensor's turn. */
  data: Uint8Array | (() => Iterable<Uint8Array> | AsyncIterable<Uint8Array>);
}

/**
 * Writes a GGUF file (version 3, little-endian), tensors in the order given. At every moment the path holds the old
 * content or the whole new one.
 *
 * @throws UserError where the file cannot be written (no permission, full disk); Error where a tensor does not yield the
 *   bytes that its type and shape call for. Either way nothing is left behind.
 */
export async function writeGguf(
  path: string,
  { metadata, tensors }: { metadata: Metadata; tensors: TensorSource[] },
): Promise<void> {
  const alignment = numberAt(metadata, 'general.alignment') ?? DEFAULT_ALIGNMENT;
  const sizes = tensors.map(sizeOf);
  const header = encodeHeader(metadata, tensors, sizes, alignment);
  await writeAtomicWith(path, async (file) => {
    await writeAll(file, header);
    for (let i = 0; i < tensors.length; i++) {
      await writeTensor(file, tensors[i], sizes[i]);
      await writeAll(file, new Uint8Array(padding(sizes[i], alignment)));
    }
  });
}

function sizeOf({ name, type, shape }: TensorSource): number {
  const bytes = tensorBytes(type, shape);
  if (bytes === undefined) throw new Error(`tensor ${name}: no ggml type ${type} with rows of ${shape[0]}`);
  return bytes;
}

async function writeTensor(file: FileHandle, { name, data }: TensorSource, size: number): Promise<void> {
  let written = 0;
  for await (const piece of data instanceof Uint8Array ? [data] : data()) {
    written += piece.byteLength;
    await writeAll(file, piece);
  }
  if (written !== size) throw new Error(`tensor ${name}: ${written} bytes of data for a size of ${size}`);
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    done += (await file.write(bytes, done, bytes.byteLength - done)).bytesWritten;
  }
}

function padding(size: number, alignment: number): number {
  return (alignment - (size % alignment)) % alignment;
}

function encodeHeader(
  metadata: Metadata,
  tensors: TensorSource[],
  sizes: number[],
  alignment: number,
): Uint8Array {
  const out: Uint8Array[] = [Buffer.from('GGUF'), scalar('uint32', VERSION)];
  out.push(scalar('uint64', tensors.length), scalar('uint64', metadata.size));
  for (const [key, value] of metadata) {
    putText(out, key);
    out.push(scalar('uint32', VALUE_TYPES.indexOf(value.type)));
    putValue(out, value);
  }
  let offset = 0;
  tensors.forEach(({ name, shape, type }, i) => {
    putText(out, name);
    out.push(scalar('uint32', shape.length));
    for (const n of shape) out.push(scalar('uint64', n));
    out.push(scalar('uint32', type), scalar('uint64', offset));
    offset += sizes[i] + padding(sizes[i], alignment);
  });
  const length = out.reduce((sum, piece) => sum + piece.length, 0);
  out.push(new Uint8Array(padding(length, alignment)));
  return Buffer.concat(out);
}

function putValue(out: Uint8Array[], value: GgufValue): void {
  if (value.type === 'array') putArray(out, value);
  else if (value.type === 'string') putText(out, value.value);
  else out.push(scalar(value.type, value.value));
}

function putArray(out: Uint8Array[], { items, value }: GgufArray): void {
  out.push(scalar('uint32', VALUE_TYPES.indexOf(items)), scalar('uint64', value.length));
  if (items === 'string') {
    for (let i = 0; i < value.length; i++) putText(out, value.at(i)!);
  } else if (items === 'array') {
    for (const inner of value) putArray(out, inner);
  } else {
    out.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
}

function putText(out: Uint8Array[], value: string): void {
  const bytes = Buffer.from(value);
  out.push(scalar('uint64', bytes.length), bytes);
}

function scalar(type: Exclude<ScalarType, 'string'>, value: number | bigint | boolean): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  const number = Number(value);
  switch (type) {
    case 'uint8':
    case 'bool':
      view.setUint8(0, number);
      return new Uint8Array(view.buffer, 0, 1);
    case 'int8':
      view.setInt8(0, number);
      return new Uint8Array(view.buffer, 0, 1);
    case 'uint16':
      view.setUint16(0, number, true);
      return new Uint8Array(view.buffer, 0, 2);
    case 'int16':
      view.setInt16(0, number, true);
      return new Uint8Array(view.buffer, 0, 2);
    case 'uint32':
      view.setUint32(0, number, true);
      return new Uint8Array(view.buffer, 0, 4);
    case 'int32':
      view.setInt32(0, number, true);
      return new Uint8Array(view.buffer, 0, 4);
    case 'float32':
      view.setFloat32(0, number, true);
      return new Uint8Array(view.buffer, 0, 4);
    case 'float64':
      view.setFloat64(0, number, true);
      return new Uint8Array(view.buffer);
    case 'uint64':
      view.setBigUint64(0, BigInt(value), true);
      return new Uint8Array(view.buffer);
    case 'int64':
      view.setBigInt64(0, BigInt(value), true);
      return new Uint8Array(view.buffer);
  }
}
