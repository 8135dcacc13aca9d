import { open } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { writeAtomicWith } from './atomic.js';
import { fileError } from './file-error.js';
import { decodeHalves } from './float16.js';

/** NumPy's names without the byte order: little-endian (or single-byte) elements only. */
export type NpyType = 'f2' | 'f4' | 'f8' | 'i1' | 'i2' | 'i4' | 'i8' | 'u1' | 'u2' | 'u4' | 'u8' | 'b1';

export interface NpyHeader {
  dtype: NpyType;
  itemSize: number;
  shape: number[];
  /** True: the first index runs fastest (column-major). */
  fortranOrder: boolean;
  /** Byte at which the elements begin. */
  offset: number;
}

export type NpyData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

const TYPES = new Set<string>(['f2', 'f4', 'f8', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'b1']);
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const LONGEST_HEADER = 1 << 20;
/** Maximum number of dimensions, as in NumPy. */
const MAX_RANK = 64;

/**
 * Reads the header of a NumPy `.npy` file (versions 1 to 3) and checks it against the size of the file.
 * Throws a UserError for what is no such file, for element types that are not numbers, for big-endian ones, and for
 * a file that is shorter than its header says.
 */
export async function readNpy(path: string): Promise<NpyHeader> {
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    const start = Buffer.alloc(12);
    const { bytesRead } = await file.read(start, 0, 12, 0);
    if (bytesRead < 12 || !start.subarray(0, 6).equals(MAGIC)) {
      throw new UserError(`${path}: not a NumPy .npy file; write it with numpy.save`);
    }
    const version = start[6];
    if (version < 1 || version > 3) throw new UserError(`${path}: .npy version ${version} is not known`);
    const wide = version > 1;
    const length = wide ? start.readUInt32LE(8) : start.readUInt16LE(8);
    const from = wide ? 12 : 10;
    const { size } = await file.stat();
    if (length > LONGEST_HEADER || from + length > size) {
      throw new UserError(`${path}: damaged .npy file: its header is longer than the file`);
    }
    const text = Buffer.alloc(length);
    await file.read(text, 0, length, from);
    const header = { ...parseHeader(path, text.toString('latin1')), offset: from + length };
    const bytes = header.itemSize * header.shape.reduce((product, n) => product * n, 1);
    if (!Number.isSafeInteger(bytes) || header.offset + bytes > size) {
      throw new UserError(
        `${path}: truncated .npy file: shape (${header.shape.join(', ')}) needs ${bytes} bytes, ${size - header.offset} are there`,
      );
    }
    return header;
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

function parseHeader(path: string, text: string): Omit<NpyHeader, 'offset'> {
  const descr = /'descr'\s*:\s*'([<>|=])(\w+)'/.exec(text);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(text);
  if (!descr || !order || !shape) {
    throw new UserError(`${path}: the .npy header describes no plain array of numbers; save a numeric array`);
  }
  const dtype = descr[2];
  if (!TYPES.has(dtype) || descr[1] === '>') {
    throw new UserError(`${path}: element type ${descr[1]}${dtype} is not supported; save it as float32`);
  }
  const sizes = shape[1]
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (sizes.length > MAX_RANK || !sizes.every(Number.isSafeInteger)) {
    throw new UserError(`${path}: damaged .npy file: its shape is no list of at most ${MAX_RANK} sizes`);
  }
  return {
    dtype: dtype as NpyType,
    itemSize: Number(dtype.slice(1)),
    shape: sizes,
    fortranOrder: order[1] === 'True',
  };
}

/**
 * Reads a whole `.npy` file into memory, in row-major order whatever the order in the file. Booleans become 0 and 1 in
 * a Uint8Array, half floats a Float32Array. Throws UserErrors as `readNpy` does.
 */
export async function loadNpy(path: string): Promise<{ shape: number[]; dtype: NpyType; data: NpyData }> {
  const header = await readNpy(path);
  const count = header.shape.reduce((product, n) => product * n, 1);
  const bytes = new Uint8Array(count * header.itemSize);
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    // One read call moves less than 2 GiB.
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, 1 << 30);
      const { bytesRead } = await file.read(bytes, done, length, header.offset + done);
      if (bytesRead === 0) throw new UserError(`${path}: the file became shorter while it was read`);
      done += bytesRead;
    }
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
  const data = asTyped(header.dtype, bytes.buffer);
  const { shape, dtype } = header;
  return { shape, dtype, data: header.fortranOrder && shape.length > 1 ? toRowMajor(data, shape) : data };
}

function asTyped(dtype: NpyType, buffer: ArrayBuffer): NpyData {
  switch (dtype) {
    case 'f2':
      return decoded(new Uint16Array(buffer));
    case 'f4':
      return new Float32Array(buffer);
    case 'f8':
      return new Float64Array(buffer);
    case 'i1':
      return new Int8Array(buffer);
    case 'i2':
      return new Int16Array(buffer);
    case 'i4':
      return new Int32Array(buffer);
    case 'i8':
      return new BigInt64Array(buffer);
    case 'u1':
    case 'b1':
      return new Uint8Array(buffer);
    case 'u2':
      return new Uint16Array(buffer);
    case 'u4':
      return new Uint32Array(buffer);
    case 'u8':
      return new BigUint64Array(buffer);
  }
}

function decoded(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  decodeHalves(bits, values);
  return values;
}

function toRowMajor(data: NpyData, shape: number[]): NpyData {
  const result = data.slice();
  const index = shape.map(() => 0);
  // Walks the elements in file order (first index fastest) and puts each at its row-major place.
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
  let place = 0;
  for (let i = 0; i < data.length; i++) {
    result[place] = data[i];
    for (let axis = 0; axis < shape.length; axis++) {
      index[axis] += 1;
      place += strides[axis];
      if (index[axis] < shape[axis]) break;
      place -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

/**
 * Writes an array as a `.npy` file, row-major, version 1.0, by temporary file and rename. The element type follows the typed
 * array. Throws a UserError when the file cannot be written.
 */
export async function writeNpy(
  path: string,
  { shape, data }: { shape: number[]; data: NpyData },
): Promise<void> {
  const header = npyHeader(typeName(data), shape);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  await writeAtomicWith(path, async (file) => {
    await file.writeFile(header);
    await file.writeFile(bytes);
  });
}

/** The bytes in front of the elements of a row-major `.npy` file. */
export function npyHeader(dtype: NpyType, shape: number[]): Uint8Array {
  const order = dtype.endsWith('1') ? '|' : '<';
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dictionary = `{'descr': '${order}${dtype}', 'fortran_order': False, 'shape': (${sizes}), }`;
  // Magic, version and length are 10 bytes; elements start at a multiple of 64.
  const length = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const bytes = Buffer.alloc(10 + length, 0x20);
  MAGIC.copy(bytes);
  bytes[6] = 1;
  bytes[7] = 0;
  bytes.writeUInt16LE(length, 8);
  bytes.write(dictionary, 10, 'latin1');
  bytes[9 + length] = 0x0a;
  return bytes;
}

function typeName(data: NpyData): NpyType {
  const kind =
    data instanceof Float32Array || data instanceof Float64Array
      ? 'f'
      : /U/.test(data.constructor.name)
        ? 'u'
        : 'i';
  return `${kind}${data.BYTES_PER_ELEMENT}` as NpyType;
}
