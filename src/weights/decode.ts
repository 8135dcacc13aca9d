import { ggmlType } from '../engine/gguf/ggml-types.js';
import { copyFloats, type Decoder, libraryDecoder } from '../engine/native/dequantise.js';
import { FUNCTIONS } from '../engine/native/functions.js';
import { bindFunctions, type Pointer } from '../engine/native/llama.js';
import { UserError } from '../errors.js';
import { decodeHalves } from '../formats/float16.js';
import { ggmlBase } from './library.js';
import type { Encoding } from './types.js';

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
  decodeHalves(new Uint16Array(source.buffer, source.byteOffset, count), target);
};

/**
 * The decoder of an encoding. Plain floats are decoded here; block formats by the library's own routines, which are looked
 * up once in each thread. Only buffers of our own making, of checked sizes, are given to them.
 * @throws UserError when the library lacks the type.
 */
export function decoderOf(encoding: Encoding, tensor: string): Decoder {
  if (encoding === 'F32') return copyFloats;
  if (encoding === 'F16') return decodeF16;
  if (encoding === 'BF16') return decodeBf16;
  const { ggml } = encoding;
  if (!decoders.has(ggml)) decoders.set(ggml, libraryDecoder(typeTraits, ggml));
  const decode = decoders.get(ggml);
  if (decode) return decode;
  throw new UserError(
    `${tensor} is stored as ${ggmlType(ggml)?.name ?? ggml}, which llama.cpp cannot convert to numbers; take the model in another quantisation`,
  );
}

const decoders = new Map<number, Decoder | undefined>();
let traitsOf: ((type: number) => Pointer) | undefined;

function typeTraits(type: number): Pointer {
  traitsOf ??= bindFunctions(ggmlBase(), { typeTraits: FUNCTIONS['ggml-base'].typeTraits }).typeTraits;
  return traitsOf(type);
}
