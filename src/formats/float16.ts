/** IEEE 754 half precision, as safetensors (F16) and numpy (f2) store it. */

/** The largest finite float16. */
export const LARGEST_FLOAT16 = 65504;

const LARGEST_BITS = 0x7bff;
const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);
let table: Float32Array | undefined;

/**
 * Rounds numbers to float16: to the nearest, ties to the even one, subnormals included. A finite number that is too large
 * becomes the largest finite one of its sign (+-65504), so that a matrix stays finite; infinities and NaN stay what they are.
 * @param out as long as `values`
 */
export function encodeFloat16(values: Float32Array, out: Uint16Array): void {
  const source = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < source.length; i++) out[i] = halfOf(source[i]);
}

/** The numbers of float16 bit patterns, exactly. */
export function decodeFloat16(halves: Uint16Array, out: Float32Array): void {
  const values = float16Table();
  for (let i = 0; i < halves.length; i++) out[i] = values[halves[i]];
}

/** The number of each of the 65,536 bit patterns. */
export function float16Table(): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => numberOf(half));
  return table;
}

/** How many of the numbers stand at +-65504, where {@link encodeFloat16} holds what is larger. */
export function countHeld(halves: Uint16Array): number {
  let held = 0;
  for (let i = 0; i < halves.length; i++) if ((halves[i] & 0x7fff) === LARGEST_BITS) held++;
  return held;
}

/** Bits of the nearest float16 to the float32 of these bits. */
function halfOf(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0);
  if (magnitude >= 0x38800000) {
    // From 2^-14 on: the exponent moves from bias 127 to 15, 13 bits of the fraction are rounded away.
    const half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    return sign | Math.min(half, LARGEST_BITS);
  }
  // Below it a float16 counts steps of 2^-24. At 0.5 = 2^-1 a float32 has just these steps: adding it rounds.
  bits[0] = magnitude;
  word[0] += 0.5;
  return sign | (bits[0] - 0x3f000000);
}

function numberOf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
