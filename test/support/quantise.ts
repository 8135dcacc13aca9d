import { F16, F32, Q8_0 } from '../../src/engine/gguf/ggml-types.js';

export type WeightType = 'f32' | 'f16' | 'q8_0';

export interface Encoded {
  /** ggml type id. */
  type: number;
  data: Uint8Array;
  /** What a reader gets back from `data`. */
  decoded: Float32Array;
}

/** Encodes weights as ggml stores them. For q8_0 the rows must be a multiple of 32 long. */
export function encode(values: Float32Array, type: WeightType): Encoded {
  if (type === 'f16') return encodeHalf(values);
  if (type === 'q8_0') return encodeQ8(values);
  return {
    type: F32,
    data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    decoded: values,
  };
}

function encodeHalf(values: Float32Array): Encoded {
  const halves = Uint16Array.from(values, toHalf);
  return { type: F16, data: new Uint8Array(halves.buffer), decoded: Float32Array.from(halves, fromHalf) };
}

/** Blocks of 32: a float16 scale, then 32 signed bytes. */
function encodeQ8(values: Float32Array): Encoded {
  const blocks = values.length / 32;
  const data = new DataView(new ArrayBuffer(blocks * 34));
  const decoded = new Float32Array(values.length);
  for (let block = 0; block < blocks; block++) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[block * 32 + i]));
    const half = toHalf(largest / 127);
    const scale = fromHalf(half);
    data.setUint16(block * 34, half, true);
    for (let i = 0; i < 32; i++) {
      const quant =
        scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(values[block * 32 + i] / scale)));
      data.setInt8(block * 34 + 2 + i, quant);
      // Read back, for a quant of -0 is stored as 0.
      decoded[block * 32 + i] = scale * data.getInt8(block * 34 + 2 + i);
    }
  }
  return { type: Q8_0, data: new Uint8Array(data.buffer), decoded };
}

/** Bits of the nearest float16, ties to even. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;
  // Below 2^-14 float16 is a fixed-point number with steps of 2^-24.
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  const steps = roundToEven(magnitude / 2 ** (exponent - 10));
  if (magnitude < 2 ** -14) return sign | steps;
  // A carry out of the mantissa (steps = 2048) runs into the exponent, as it should.
  return sign | (((exponent + 15) << 10) + (steps - 1024));
}

export function fromHalf(half: number): number {
  const exponent = (half >> 10) & 31;
  const mantissa = half & 1023;
  const magnitude =
    exponent === 31
      ? mantissa
        ? Number.NaN
        : Number.POSITIVE_INFINITY
      : exponent === 0
        ? mantissa * 2 ** -24
        : (1024 + mantissa) * 2 ** (exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
