import { decodeHalves, encodeHalvesHeld } from '../formats/float16.js';
import { decoderOf } from './decode.js';
import { quantiserOf } from './quantise.js';
import type { Encoding } from './types.js';

/** What is left of `rows` rows of `columns` float32 values when they are stored in a format and read back. */
export type Rounding = (values: Float32Array, rows: number, columns: number) => Float32Array;

/**
 * The rounding of a format; undefined for one that cannot be made without an importance matrix (the smallest IQ types), or not at all.
 * @param tensor for messages
 * @throws UserError when the library is not installed or cannot read the type.
 */
export function roundingOf(encoding: Encoding, tensor: string): Rounding | undefined {
  if (encoding === 'F32') return (values) => values;
  if (encoding === 'F16') return throughHalves;
  if (encoding === 'BF16') return throughBf16;
  const quantise = quantiserOf(encoding.ggml);
  if (!quantise) return undefined;
  const decode = decoderOf(encoding, tensor);
  return (values, rows, columns) => {
    const back = new Float32Array(values.length);
    decode(quantise(values, rows, columns), back, values.length);
    return back;
  };
}

function throughHalves(values: Float32Array): Float32Array {
  const bits = new Uint16Array(values.length);
  encodeHalvesHeld(values, bits);
  const back = new Float32Array(values.length);
  decodeHalves(bits, back);
  return back;
}

/** To the nearest, ties to even. */
function throughBf16(values: Float32Array): Float32Array {
  const back = Float32Array.from(values);
  const bits = new Uint32Array(back.buffer);
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] + 0x7fff + ((bits[i] >>> 16) & 1)) & 0xffff0000;
  return back;
}
