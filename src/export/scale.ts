import { ggmlType } from '../engine/gguf/ggml-types.js';
import { UserError } from '../errors.js';
import { encodeHalves, halfToFloat } from '../formats/float16.js';
import type { Encoding } from '../weights/types.js';

/**
 * Where in a block the half floats lie that all of its values are multiplied with: the scale, and where there is one the minimum.
 * Multiplying them by alpha multiplies every value of the block by alpha, whatever else the block holds. Offsets as in ggml-common.h.
 */
const FACTORS: Record<string, readonly number[]> = {
  Q1_0: [0],
  Q2_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  TQ1_0: [52],
  TQ2_0: [64],
};

/** Multiplies the numbers of `bytes`, in place. @returns the relative rounding error: |stored - exact| / |exact|, as L2 norms */
export type Scaler = (bytes: Buffer) => number;

/**
 * What multiplies stored numbers by alpha, within their encoding.
 * @param bytes of the scaler: a whole number of elements (plain floats) or blocks
 * @param what names the tensor, for messages
 * @throws UserError for an encoding whose scales cannot take any alpha (powers of two only, or packed among the values); the scaler
 *   throws one where a number would leave the range of its type.
 */
export function scalerOf(encoding: Encoding, alpha: number, what: string): Scaler {
  const overflow = (number: number, type: string) => {
    if (!Number.isFinite(number)) {
      return new UserError(
        `${what} holds values that are not finite (NaN or infinite): the file is damaged; download it again`,
      );
    }
    return new UserError(
      `alpha ${alpha} is too large for ${what}: ${number.toPrecision(3)} is beyond the range of ${type}; take a smaller alpha`,
    );
  };
  if (encoding === 'F32') {
    return (bytes) => {
      const error = errorSum();
      for (let at = 0; at < bytes.length; at += 4) {
        const exact = bytes.readFloatLE(at) * alpha;
        const stored = Math.fround(exact);
        if (!Number.isFinite(stored)) throw overflow(exact, 'F32');
        bytes.writeFloatLE(stored, at);
        error.add(stored, exact);
      }
      return error.relative();
    };
  }
  if (encoding === 'BF16') {
    return (bytes) => {
      const error = errorSum();
      for (let at = 0; at < bytes.length; at += 2) {
        const exact = fromBf16(bytes.readUInt16LE(at)) * alpha;
        const bits = toBf16(exact);
        const stored = fromBf16(bits);
        if (!Number.isFinite(stored)) throw overflow(exact, 'BF16');
        bytes.writeUInt16LE(bits, at);
        error.add(stored, exact);
      }
      return error.relative();
    };
  }
  const half = (bytes: Buffer, at: number, error: ReturnType<typeof errorSum>) => {
    const exact = halfToFloat(bytes.readUInt16LE(at)) * alpha;
    const bits = toHalf(exact);
    const stored = halfToFloat(bits);
    if (!Number.isFinite(stored)) throw overflow(exact, 'half precision (65504)');
    bytes.writeUInt16LE(bits, at);
    error.add(stored, exact);
  };
  if (encoding === 'F16') {
    return (bytes) => {
      const error = errorSum();
      for (let at = 0; at < bytes.length; at += 2) half(bytes, at, error);
      return error.relative();
    };
  }
  const type = ggmlType(encoding.ggml);
  const factors = type && FACTORS[type.name];
  if (!factors) {
    throw new UserError(
      `${what} is stored as ${type?.name ?? `ggml type ${encoding.ggml}`}, whose block scales cannot be multiplied by any number; ` +
        'use --as gguf-lora, or a file in another quantisation',
    );
  }
  const { blockBytes } = type;
  return (bytes) => {
    const error = errorSum();
    for (let block = 0; block < bytes.length; block += blockBytes) {
      for (const factor of factors) half(bytes, block + factor, error);
    }
    return error.relative();
  };
}

function errorSum() {
  let wrong = 0;
  let all = 0;
  return {
    add(stored: number, exact: number): void {
      wrong += (stored - exact) ** 2;
      all += exact ** 2;
    },
    relative: () => (all === 0 ? 0 : Math.sqrt(wrong / all)),
  };
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
const halves = new Uint16Array(1);

function toHalf(value: number): number {
  float[0] = value;
  encodeHalves(float, halves);
  return halves[0];
}

function fromBf16(bits: number): number {
  word[0] = bits << 16;
  return float[0];
}

/** Nearest, ties to even. */
function toBf16(value: number): number {
  float[0] = value;
  return (word[0] + 0x7fff + ((word[0] >>> 16) & 1)) >>> 16;
}
