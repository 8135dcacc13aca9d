import { readVarint } from './thrift.js';

interface Stream {
  view: DataView;
  /** Byte that is read next. */
  at: number;
  end: number;
}

/**
 * Checks a stream of runs (RLE and bit-packed) that encodes `count` values of `width` bits: no run goes beyond them or the stream.
 * The decoder of the library repeats a value as often as the file says.
 * @returns how many of the values equal `wanted`
 * @throws RangeError for a damaged stream
 */
export function checkRuns(stream: Stream, width: number, count: number, wanted: number): number {
  if (width > 32) throw new RangeError(`values of ${width} bits`);
  const { view, end } = stream;
  let seen = 0;
  let equal = 0;
  while (seen < count) {
    if (stream.at >= end) throw new RangeError('a page ends within its values');
    const header = readVarint(stream);
    const left = count - seen;
    if (header % 2 === 0) {
      const length = header / 2;
      if (length > left) throw new RangeError('a run is longer than its page');
      const bytes = Math.ceil(width / 8);
      if (stream.at + bytes > end) throw new RangeError('a page ends within its values');
      let value = 0;
      for (let i = 0; i < bytes; i++) value += view.getUint8(stream.at++) * 2 ** (8 * i);
      if (value === wanted) equal += length;
      seen += length;
    } else {
      const groups = (header - 1) / 2;
      if (groups > Math.ceil(left / 8)) throw new RangeError('a run is longer than its page');
      const used = Math.min(left, 8 * groups);
      if (stream.at + Math.ceil((used * width) / 8) > end) {
        throw new RangeError('a page ends within its values');
      }
      if (width === 0) equal += wanted === 0 ? used : 0;
      else if (width <= 8) {
        for (let i = 0; i < used; i++) if (bitsAt(stream, i * width, width) === wanted) equal++;
      }
      stream.at += groups * width;
      seen += used;
    }
  }
  return equal;
}

/** A value of at most 8 bits, least significant bit first. */
function bitsAt({ view, at, end }: Stream, bit: number, width: number): number {
  const byte = at + (bit >> 3);
  const pair = view.getUint8(byte) | (byte + 1 < end ? view.getUint8(byte + 1) << 8 : 0);
  return (pair >> (bit & 7)) & ((1 << width) - 1);
}

/** Largest block of delta-encoded values; writers use 128. */
const MAX_BLOCK = 1 << 16;

/**
 * Checks a stream of delta-encoded integers (DELTA_BINARY_PACKED), and decodes it as the library does, modulo 2^32.
 * @returns the values
 * @throws RangeError for a damaged stream
 */
export function checkDeltas(stream: Stream, count: number): Int32Array {
  const values = new Int32Array(count);
  const { view, end } = stream;
  const block = readVarint(stream);
  const miniblocks = readVarint(stream);
  const total = readVarint(stream);
  const size = block / miniblocks;
  if (!(block <= MAX_BLOCK && size >= 8 && size % 8 === 0) || total !== count) {
    throw new RangeError('a block of differences has a damaged header');
  }
  let value = readDelta(stream);
  if (count > 0) values[0] = value;
  for (let i = 1; i < count; ) {
    const least = readDelta(stream);
    const widths = stream.at;
    stream.at += miniblocks;
    for (let m = 0; m < miniblocks && i < count; m++) {
      const width = view.getUint8(widths + m);
      const used = Math.min(size, count - i);
      if (width > 64 || stream.at + Math.ceil((used * width) / 8) > end) {
        throw new RangeError('a page ends within its values');
      }
      for (let j = 0; j < used; j++) {
        value = (value + least + lowBits(stream, j * width, width)) | 0;
        values[i++] = value;
      }
      stream.at += (size / 8) * width;
    }
  }
  return values;
}

/** A value modulo 2^32. */
function lowBits({ view, at }: Stream, bit: number, width: number): number {
  let value = 0;
  for (let done = 0; done < Math.min(width, 32); ) {
    const from = (bit + done) & 7;
    const taken = Math.min(8 - from, width - done);
    const bits = (view.getUint8(at + ((bit + done) >> 3)) >> from) & ((1 << taken) - 1);
    value |= bits << done;
    done += taken;
  }
  return value;
}

/** A signed number of at most 64 bits, modulo 2^32. */
function readDelta(stream: Stream): number {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = stream.view.getUint8(stream.at++);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return Number(BigInt.asIntN(32, (value >> 1n) ^ -(value & 1n)));
  }
  throw new RangeError('a number takes more than 64 bits');
}
