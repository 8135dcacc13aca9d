import koffi from 'koffi';
import { ggmlType } from '../gguf/ggml-types.js';
import { TRAITS } from './abi.js';
import { type Pointer, readAddress, readInt } from './llama.js';

/** Decodes `count` values from the start of `source` into `target`. */
export type Decoder = (source: Buffer, target: Float32Array, count: number) => void;

const ToFloat = koffi.proto('void hneurons_to_float(const void *x, void *y, int64_t k)');

/** Float32 as it is stored. */
export const copyFloats: Decoder = (source, target, count) => {
  target.set(new Float32Array(source.buffer, source.byteOffset, count));
};

/**
 * The library's own routine that turns a ggml type into float32; undefined where it has none, or lays its table out otherwise
 * than expected: then the address beside the sizes could not be trusted.
 */
export function libraryDecoder(typeTraits: (type: number) => Pointer, type: number): Decoder | undefined {
  const known = ggmlType(type);
  const traits = known && typeTraits(type);
  if (!traits) return undefined;
  const fits =
    readInt(traits, TRAITS.typeSize) === known.blockBytes &&
    readInt(traits, TRAITS.blockSize) === known.blockSize;
  const routine = fits ? readAddress(traits, TRAITS.toFloat) : 0;
  if (!routine) return undefined;
  return (source, target, count) => koffi.call(BigInt(routine), ToFloat, source, target, count);
}
