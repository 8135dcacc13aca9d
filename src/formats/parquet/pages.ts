import type { CompressionCodec, ParquetType } from 'hyparquet';
import { decompress } from './codecs.js';
import { checkDeltas, checkRuns } from './runs.js';
import { readThrift, type ThriftStruct, type ThriftValue } from './thrift.js';

/** A column chunk: one column of one row group. */
export interface ChunkShape {
  type: ParquetType | undefined;
  /** Bytes of a value of fixed length. */
  typeLength: number;
  codec: CompressionCodec;
  maxDefinition: number;
  maxRepetition: number;
  /** True for a column that lies in no list or struct: its reader stops after the last row, not at the end of the chunk. */
  isFlat: boolean;
  rows: number;
}

/** Maximum values of a column chunk, nulls included. */
export const MAX_VALUES = 1 << 24;
/** Maximum bytes of a column chunk after decompression. */
const MAX_CHUNK_BYTES = 1 << 28;
/** A page may be this many times as large as its compressed bytes, or MIN_PAGE_LIMIT bytes if that is more. */
const MAX_RATIO = 2000;
const MIN_PAGE_LIMIT = 1 << 24;

const PAGE = { data: 0, index: 1, dictionary: 2, dataV2: 3 };
const ENCODING = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  deltaBinary: 5,
  deltaLength: 6,
  deltaBytes: 7,
  rleDictionary: 8,
  split: 9,
};

/** What the pages of a chunk have used up of its limits. */
interface Totals {
  rows: number;
  values: number;
  bytes: number;
}

/**
 * Checks the pages of a column chunk: every length, count and run fits into its page, and the pages hold the rows of the group. What
 * passes is decoded by the library in time and memory proportional to it.
 * @param onPage called before each page
 * @returns the decompressed pages, in the order in which the library asks for them
 * @throws RangeError or an error of a decompressor when the chunk is damaged
 */
export function checkPages(bytes: Uint8Array, shape: ChunkShape, onPage: () => void): Uint8Array[] {
  const decompressed: Uint8Array[] = [];
  const totals: Totals = { rows: 0, values: 0, bytes: 0 };
  // The same condition as that of the library, which leaves a last byte alone.
  for (let at = 0; at < bytes.length - 1 && !(shape.isFlat && totals.rows >= shape.rows); ) {
    onPage();
    const { struct, end } = readThrift(bytes, at);
    const [type, size, packedSize] = [1, 2, 3].map((field) => integer(struct, field));
    if (packedSize > bytes.length - end) throw new RangeError('a page ends behind its column');
    if (size > Math.max(MIN_PAGE_LIMIT, MAX_RATIO * packedSize)) {
      throw new RangeError(`a page of ${packedSize} bytes claims to hold ${size}`);
    }
    totals.bytes += size;
    if (totals.bytes > MAX_CHUNK_BYTES) throw new RangeError('a column of a row group is over 256 MiB');
    const packed = bytes.subarray(end, end + packedSize);
    at = end + packedSize;
    const unpack = (part: Uint8Array, length: number) => {
      const page = decompress(shape.codec, part, length);
      if (shape.codec !== 'UNCOMPRESSED') decompressed.push(page);
      return page;
    };
    if (type === PAGE.dictionary) checkDictionary(inner(struct, 7), unpack(packed, size), shape);
    else if (type === PAGE.data) checkPage(inner(struct, 5), unpack(packed, size), shape, totals);
    else if (type === PAGE.dataV2) checkPageV2(inner(struct, 8), packed, size, shape, totals, unpack);
    else throw new RangeError(`a page of the unknown type ${type}`);
  }
  if (totals.rows !== shape.rows) {
    throw new RangeError(`a column has ${totals.rows} of ${shape.rows} rows`);
  }
  return decompressed;
}

function checkDictionary(header: ThriftStruct, page: Uint8Array, shape: ChunkShape): void {
  const count = counted(header, 1);
  checkPlain(page, 0, count, shape);
}

function checkPage(header: ThriftStruct, page: Uint8Array, shape: ChunkShape, totals: Totals): void {
  const count = counted(header, 1);
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let at = 0;
  const levels = (max: number, wanted: number): number => {
    if (max === 0) return count;
    const length = view.getUint32(at, true);
    if (length > page.length - at - 4) throw new RangeError('the levels of a page are longer than it is');
    at += 4 + length;
    return checkRuns({ view, at: at - length, end: at }, levelWidth(max), count, wanted);
  };
  const rows = levels(shape.maxRepetition, 0);
  const values = levels(shape.maxDefinition, shape.maxDefinition);
  add(totals, rows, count);
  checkValues(integer(header, 2), page, at, values, shape);
}

function checkPageV2(
  header: ThriftStruct,
  packed: Uint8Array,
  size: number,
  shape: ChunkShape,
  totals: Totals,
  unpack: (part: Uint8Array, length: number) => Uint8Array,
): void {
  const count = counted(header, 1);
  const nulls = integer(header, 2);
  const [definition, repetition] = [integer(header, 5), integer(header, 6)];
  const levels = definition + repetition;
  if (levels > packed.length || levels > size) {
    throw new RangeError('the levels of a page are longer than it is');
  }
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const check = (at: number, length: number, max: number, wanted: number) =>
    max === 0 ? count : checkRuns({ view, at, end: at + length }, levelWidth(max), count, wanted);
  const rows = check(0, repetition, shape.maxRepetition, 0);
  const values = check(repetition, definition, shape.maxDefinition, shape.maxDefinition);
  if (shape.maxDefinition === 0 && definition > 0)
    throw new RangeError('a page has levels of a column without any');
  if (values !== count - nulls) throw new RangeError('a page has another number of nulls than it says');
  if (rows !== integer(header, 3)) throw new RangeError('a page has another number of rows than it says');
  add(totals, rows, count);
  const part = packed.subarray(levels);
  const isCompressed = header.get(7) !== false;
  checkValues(integer(header, 4), isCompressed ? unpack(part, size - levels) : part, 0, values, shape);
}

function add(totals: Totals, rows: number, values: number): void {
  totals.rows += rows;
  totals.values += values;
  if (totals.values > MAX_VALUES) {
    throw new RangeError(`a column of a row group has more than ${MAX_VALUES} values`);
  }
}

function checkValues(encoding: number, page: Uint8Array, at: number, count: number, shape: ChunkShape): void {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  switch (encoding) {
    case ENCODING.plain:
      checkPlain(page, at, count, shape);
      return;
    case ENCODING.plainDictionary:
    case ENCODING.rleDictionary: {
      if (count === 0 && at === page.length) return;
      checkRuns({ view, at: at + 1, end: page.length }, view.getUint8(at), count, 0);
      return;
    }
    case ENCODING.rle: {
      if (count === 0 && at === page.length) return;
      const length = view.getUint32(at, true);
      if (length > page.length - at - 4) throw new RangeError('a page ends within its values');
      checkRuns({ view, at: at + 4, end: at + 4 + length }, 1, count, 0);
      return;
    }
    case ENCODING.deltaBinary:
      checkDeltas({ view, at, end: page.length }, count);
      return;
    case ENCODING.deltaLength: {
      const stream = { view, at, end: page.length };
      checkLengths(checkDeltas(stream, count), page.length - stream.at);
      return;
    }
    case ENCODING.deltaBytes: {
      const stream = { view, at, end: page.length };
      const prefixes = checkDeltas(stream, count);
      const suffixes = checkDeltas(stream, count);
      checkLengths(suffixes, page.length - stream.at);
      checkPrefixes(prefixes, suffixes);
      return;
    }
    case ENCODING.split:
      if (count * fixedBytes(shape) > page.length - at) throw new RangeError('a page ends within its values');
      return;
    default:
      throw new RangeError(`a page of the unknown encoding ${encoding}`);
  }
}

function checkPlain(page: Uint8Array, at: number, count: number, shape: ChunkShape): void {
  if (shape.type !== 'BYTE_ARRAY') {
    const bytes = shape.type === 'BOOLEAN' ? Math.ceil(count / 8) : count * fixedBytes(shape);
    if (bytes > page.length - at) throw new RangeError('a page ends within its values');
    return;
  }
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  let end = at;
  for (let i = 0; i < count; i++) {
    end += 4 + view.getUint32(end, true);
    if (end > page.length) throw new RangeError('a page ends within its values');
  }
}

function fixedBytes({ type, typeLength }: ChunkShape): number {
  switch (type) {
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'INT96':
      return 12;
    case 'FIXED_LEN_BYTE_ARRAY':
      if (typeLength > 0) return typeLength;
  }
  throw new RangeError(`a column of the type ${type ?? 'unknown'} without a length`);
}

function checkLengths(lengths: Int32Array, room: number): void {
  let total = 0;
  for (const length of lengths) {
    total += length;
    if (length < 0 || total > room) throw new RangeError('a page ends within its values');
  }
}

/** Each value repeats the first bytes of the one before it. */
function checkPrefixes(prefixes: Int32Array, suffixes: Int32Array): void {
  let before = 0;
  let total = 0;
  for (let i = 0; i < prefixes.length; i++) {
    if (prefixes[i] < 0 || prefixes[i] > before) throw new RangeError('a text repeats more than there is');
    before = prefixes[i] + suffixes[i];
    total += before;
    if (total > MAX_CHUNK_BYTES) throw new RangeError('a page holds more than 256 MiB of text');
  }
}

/** Bits of a level up to `max`. */
function levelWidth(max: number): number {
  return 32 - Math.clz32(max);
}

function integer(struct: ThriftStruct, field: number): number {
  const value: ThriftValue | undefined = struct.get(field);
  if (typeof value === 'number' && value >= 0) return value;
  throw new RangeError('the header of a page is damaged');
}

function counted(struct: ThriftStruct, field: number): number {
  const count = integer(struct, field);
  if (count > MAX_VALUES) throw new RangeError(`a page claims to hold ${count} values`);
  return count;
}

function inner(struct: ThriftStruct, field: number): ThriftStruct {
  const value = struct.get(field);
  if (value instanceof Map) return value;
  throw new RangeError('the header of a page is damaged');
}
