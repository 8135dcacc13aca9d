/**
 * IEEE 754 binary16, as its bits in a Uint16Array: what NumPy calls float16 and safetensors F16. Node 20 has no Float16Array.
 */

/** A half float, given as its bits, as a number. */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

let table: Float32Array | undefined;

/** The float32 value of every half: 256 KiB, made at the first use. */
function halfTable(): Float32Array {
  table ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToFloat(bits));
  return table;
}

/** Decodes halves into as many float32 values, exactly. `into` is at least as long as `bits`. */
export function decodeHalves(bits: Uint16Array, into: Float32Array): void {
  const values = halfTable();
  for (let i = 0; i < bits.length; i++) into[i] = values[bits[i]];
}

/** Bits of 65504, the largest finite half, and of infinity. */
const LARGEST = 0x7bff;
const INFINITE = 0x7c00;

/** Adding and subtracting it rounds a small double to a whole number, ties to even. */
const WHOLE = 2 ** 52;

/**
 * Encodes float32 values as the nearest halves, ties to even: from 65520 on infinity, up to 2^-25 zero, with their sign. `into` is
 * at least as long as `values`.
 */
export function encodeHalves(values: Float32Array, into: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const sign = (words[i] >>> 16) & 0x8000;
    const size = words[i] & 0x7fffffff;
    if (size > 0x7f800000) into[i] = sign | 0x7e00;
    else if (size >= 0x477ff000) into[i] = sign | 0x7c00;
    else if (size >= 0x38800000) into[i] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
    else into[i] = sign | (Math.abs(values[i]) * 2 ** 24 + WHOLE - WHOLE);
  }
}

/**
 * As {@link encodeHalves}, but a finite value that is too large is held at the largest half of its sign, +-65504, so that a
 * matrix of finite numbers stays one.
 */
export function encodeHalvesHeld(values: Float32Array, into: Uint16Array): void {
  encodeHalves(values, into);
  for (let i = 0; i < values.length; i++) {
    if ((into[i] & 0x7fff) === INFINITE && Number.isFinite(values[i])) into[i] = (into[i] & 0x8000) | LARGEST;
  }
}

/** How many halves stand at +-65504, where {@link encodeHalvesHeld} holds what is larger. */
export function countHeld(bits: Uint16Array): number {
  let held = 0;
  for (let i = 0; i < bits.length; i++) if ((bits[i] & 0x7fff) === LARGEST) held++;
  return held;
}
