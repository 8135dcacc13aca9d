import koffi from 'koffi';
import { ggmlType } from '../engine/gguf/ggml-types.js';
import { TRAITS } from '../engine/native/abi.js';
import { locateLibraries } from '../engine/native/locate.js';
import { UserError } from '../errors.js';
import type { Encoding } from './types.js';

/** Decodes `count` values from the start of `source` into `target`. */
export type Decoder = (source: Buffer, target: Float32Array, count: number) => void;

/** Float32 bit patterns of every half-precision number. */
let halves: Uint32Array | undefined;

/** @returns bits of the float32 that equals a half-precision number */
function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  // A subnormal half is a normal float: shift until the leading one is in place.
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

const decodeF32: Decoder = (source, target, count) => {
  target.set(new Float32Array(source.buffer, source.byteOffset, count));
};

const decodeBf16: Decoder = (source, target, count) => {
  // Two numbers are read at a time: that halves the loads.
  const pairs = new Int32Array(source.buffer, source.byteOffset, count >> 1);
  const to = new Int32Array(target.buffer, target.byteOffset, count);
  for (let i = 0, at = 0; i < pairs.length; i++, at += 2) {
    const pair = pairs[i];
    to[at] = pair << 16;
    to[at + 1] = pair & 0xffff0000;
  }
  if (count % 2 === 1) to[count - 1] = source.readUInt16LE(2 * (count - 1)) << 16;
};

const decodeF16: Decoder = (source, target, count) => {
  halves ??= Uint32Array.from({ length: 1 << 16 }, (_, half) => halfToFloatBits(half));
  const from = new Uint16Array(source.buffer, source.byteOffset, count);
  const to = new Uint32Array(target.buffer, target.byteOffset, count);
  for (let i = 0; i < count; i++) to[i] = halves[from[i]];
};

const ToFloat = koffi.proto('void hneurons_weights_to_float(const void *x, void *y, int64_t k)');

/**
 * The decoder of an encoding. Plain floats are decoded here; block formats by the library's own routines, which are looked
 * up once in each thread. Only buffers of our own making, of checked sizes, are given to them.
 * @throws UserError when the library lacks the type.
 */
export function decoderOf(encoding: Encoding, tensor: string): Decoder {
  if (encoding === 'F32') return decodeF32;
  if (encoding === 'F16') return decodeF16;
  if (encoding === 'BF16') return decodeBf16;
  const routine = blockRoutine(encoding.ggml);
  if (routine === undefined) {
    throw new UserError(
      `${tensor} is stored as ${ggmlType(encoding.ggml)?.name ?? encoding.ggml}, which llama.cpp cannot convert to numbers; take the model in another quantisation`,
    );
  }
  return (source, target, count) => koffi.call(routine, ToFloat, source, target, count);
}

const routines = new Map<number, bigint | undefined>();
let typeTraits: ((type: number) => bigint) | undefined;

function blockRoutine(type: number): bigint | undefined {
  if (!routines.has(type)) routines.set(type, findRoutine(type));
  return routines.get(type);
}

function findRoutine(type: number): bigint | undefined {
  typeTraits ??= koffi
    .load(locateLibraries('cpu').ggmlBase)
    .func('void *ggml_get_type_traits(int32_t type)') as (type: number) => bigint;
  const known = ggmlType(type);
  const traits = known && typeTraits(type);
  if (!traits) return undefined;
  const size = Number(koffi.decode(traits, TRAITS.typeSize, 'int64_t'));
  const block = Number(koffi.decode(traits, TRAITS.blockSize, 'int64_t'));
  // Another layout of the struct would give other numbers, and the address beside them could not be trusted.
  if (size !== known.blockBytes || block !== known.blockSize) return undefined;
  return BigInt(koffi.decode(traits, TRAITS.toFloat, 'uint64_t')) || undefined;
}
