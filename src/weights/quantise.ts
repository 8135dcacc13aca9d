import { ggmlType } from '../engine/gguf/ggml-types.js';
import { FUNCTIONS } from '../engine/native/functions.js';
import { bindFunctions } from '../engine/native/llama.js';
import { ggmlBase } from './library.js';

/** Stores `rows` rows of `columns` float32 values in a block format, as llama.cpp's own quantiser does. */
export type Quantiser = (values: Float32Array, rows: number, columns: number) => Buffer;

const { quantizeChunk, quantizeNeedsImportance } = FUNCTIONS['ggml-base'];
const bind = () => bindFunctions(ggmlBase(), { quantizeChunk, quantizeNeedsImportance });
let functions: ReturnType<typeof bind> | undefined;

/** The quantiser of a ggml type; undefined for types that cannot be made without an importance matrix, or not at all. */
export function quantiserOf(type: number): Quantiser | undefined {
  const known = ggmlType(type);
  functions ??= bind();
  const { quantizeChunk: quantise, quantizeNeedsImportance: needsImportance } = functions;
  if (!known || known.blockSize === 1 || known.name === 'Q8_1' || known.name === 'Q8_K') return undefined;
  if (needsImportance(type)) return undefined;
  return (values, rows, columns) => {
    const out = Buffer.allocUnsafeSlow(rows * (columns / known.blockSize) * known.blockBytes);
    quantise(type, values, out, 0, rows, columns, null);
    return out;
  };
}
