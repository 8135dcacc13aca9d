import { UserError } from '../../errors.js';
import type { Cursor } from './cursor.js';
import { type GgufArray, type GgufValue, type NumberArray, type ScalarType, VALUE_TYPES } from './types.js';
import { printable } from './values.js';

/** Models have about 30 entries; adapters and splits fewer. */
const MAX_ENTRIES = 65_536;
/** No known model nests arrays at all, but the format allows it. */
const MAX_NESTED_ARRAYS = 65_536;
const MAX_DEPTH = 8;

const WIDTH: Record<Exclude<ScalarType, 'string'>, number> = {
  uint8: 1,
  int8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
};

const ARRAYS: Record<Exclude<ScalarType, 'string'>, new (buffer: ArrayBuffer) => NumberArray> = {
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
};

interface Context {
  cursor: Cursor;
  path: string;
  /** Name of the entry at hand, for messages. */
  what: string;
  nestedArrays: number;
}

/** Reads `count` metadata entries from the cursor on. UserError (naming `path` and the entry) where they make no sense. */
export function readMetadata(cursor: Cursor, count: number, path: string): Map<string, GgufValue> {
  if (count > MAX_ENTRIES) damaged(path, `it claims ${count} metadata entries`);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.string(`the name of metadata entry ${i}`);
    if (key === '') damaged(path, `metadata entry ${i} has no name`);
    const what = `metadata entry ${printable(key)}`;
    if (metadata.has(key)) damaged(path, `${what} is there twice`);
    const context = { cursor, path, what, nestedArrays: 0 };
    const type = typeName(context);
    metadata.set(key, type === 'array' ? readArray(context, 0) : readScalar(context, type));
  }
  return metadata;
}

function readScalar({ cursor, what }: Context, type: ScalarType): GgufValue {
  if (type === 'string') return { type, value: cursor.string(what) };
  const view = cursor.take(WIDTH[type], what);
  switch (type) {
    case 'uint8':
      return { type, value: view.getUint8(0) };
    case 'int8':
      return { type, value: view.getInt8(0) };
    case 'uint16':
      return { type, value: view.getUint16(0, true) };
    case 'int16':
      return { type, value: view.getInt16(0, true) };
    case 'uint32':
      return { type, value: view.getUint32(0, true) };
    case 'int32':
      return { type, value: view.getInt32(0, true) };
    case 'float32':
      return { type, value: view.getFloat32(0, true) };
    case 'float64':
      return { type, value: view.getFloat64(0, true) };
    case 'uint64':
      return { type, value: view.getBigUint64(0, true) };
    case 'int64':
      return { type, value: view.getBigInt64(0, true) };
    case 'bool':
      return { type, value: view.getUint8(0) !== 0 };
  }
}

function readArray(context: Context, depth: number): GgufArray {
  const { cursor, path, what } = context;
  const items = typeName(context);
  const count = cursor.length(what);
  if (items === 'string') return { type: 'array', items, value: cursor.strings(count, what) };
  if (items !== 'array') {
    const bytes = cursor.copy(WIDTH[items] * count, what);
    return { type: 'array', items, value: new ARRAYS[items](bytes) };
  }
  context.nestedArrays += count;
  if (depth >= MAX_DEPTH || context.nestedArrays > MAX_NESTED_ARRAYS) {
    damaged(path, `${what} nests too many arrays`);
  }
  const value: GgufArray[] = [];
  for (let i = 0; i < count; i++) value.push(readArray(context, depth + 1));
  return { type: 'array', items, value };
}

function typeName({ cursor, path, what }: Context) {
  const id = cursor.uint32(what);
  return VALUE_TYPES[id] ?? damaged(path, `${what} has the unknown type ${id}`);
}

function damaged(path: string, reason: string): never {
  throw new UserError(`${path}: the file is damaged: ${reason}; download it again`);
}
