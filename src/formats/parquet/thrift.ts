/** A decoded Thrift struct: values by field id. */
export type ThriftStruct = Map<number, ThriftValue>;
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftValue[] | ThriftStruct;

/** Maximum nesting of structs and lists; Parquet's own structs need fewer than 10. */
const MAX_DEPTH = 24;

/**
 * Decodes a struct of Thrift's compact protocol, in time and memory proportional to its bytes, whatever the sizes that it claims.
 * @param at byte at which the struct begins
 * @returns the struct, and the byte behind it
 * @throws RangeError for bytes that are no such struct
 */
export function readThrift(bytes: Uint8Array, at: number): { struct: ThriftStruct; end: number } {
  const reader = createCursor(bytes, at);
  const struct = readStruct(reader, 0);
  return { struct, end: reader.at };
}

interface Cursor {
  bytes: Uint8Array;
  view: DataView;
  at: number;
}

function createCursor(bytes: Uint8Array, at: number): Cursor {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at };
}

function readStruct(cursor: Cursor, depth: number): ThriftStruct {
  if (depth > MAX_DEPTH) throw new RangeError('its metadata is nested too deeply');
  const struct: ThriftStruct = new Map();
  let field = 0;
  for (;;) {
    const byte = cursor.view.getUint8(cursor.at++);
    const type = byte & 0x0f;
    if (type === 0) return struct;
    const delta = byte >> 4;
    field = delta > 0 ? field + delta : zigzag(readVarint(cursor));
    struct.set(field, readValue(cursor, type, depth));
  }
}

function readValue(cursor: Cursor, type: number, depth: number): ThriftValue {
  const { view, bytes } = cursor;
  switch (type) {
    case 1:
      return true;
    case 2:
      return false;
    case 3:
      return view.getInt8(cursor.at++);
    case 4:
    case 5:
      return zigzag(readVarint(cursor));
    case 6: {
      const value = readLongVarint(cursor);
      return (value >> 1n) ^ -(value & 1n);
    }
    case 7:
      cursor.at += 8;
      return view.getFloat64(cursor.at - 8, true);
    case 8: {
      const length = readVarint(cursor);
      if (length > bytes.length - cursor.at) throw new RangeError('a text ends behind its metadata');
      cursor.at += length;
      return bytes.subarray(cursor.at - length, cursor.at);
    }
    case 9:
      return readList(cursor, depth + 1);
    case 12:
      return readStruct(cursor, depth + 1);
    default:
      throw new RangeError(`its metadata has a value of the unknown type ${type}`);
  }
}

function readList(cursor: Cursor, depth: number): ThriftValue[] {
  const byte = cursor.view.getUint8(cursor.at++);
  const type = byte & 0x0f;
  const size = byte >> 4 === 15 ? readVarint(cursor) : byte >> 4;
  // Every element takes a byte at least.
  if (size > cursor.bytes.length - cursor.at) throw new RangeError('a list is longer than its metadata');
  const isBoolean = type === 1 || type === 2;
  const values: ThriftValue[] = [];
  for (let i = 0; i < size; i++) values.push(readValue(cursor, isBoolean ? 3 : type, depth));
  return values;
}

/** An unsigned LEB128 number of at most 32 bits. */
export function readVarint(cursor: { view: DataView; at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = cursor.view.getUint8(cursor.at++);
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      if (value >= 2 ** 32) break;
      return value;
    }
  }
  throw new RangeError('a number takes more than 32 bits');
}

function readLongVarint(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.view.getUint8(cursor.at++);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new RangeError('a number takes more than 64 bits');
}

/** The signed number that an unsigned one stands for. */
export function zigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
