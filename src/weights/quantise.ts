import { ggmlType } from '../engine/gguf/ggml-types.js';
import { ggmlBase } from './library.js';

/** Stores `rows` rows of `columns` float32 values in a block format, as llama.cpp's own quantiser does. */
export type Quantiser = (values: Float32Array, rows: number, columns: number) => Buffer;

let functions:
  | {
      quantise(
        type: number,
        from: Float32Array,
        to: Buffer,
        start: number,
        rows: number,
        columns: number,
        importance: null,
      ): number;
      needsImportance(type: number): boolean;
    }
  | undefined;

function bind() {
  const library = ggmlBase();
  return {
    quantise: library.func(
      'size_t ggml_quantize_chunk(int32_t type, const float *src, _Out_ void *dst, int64_t start, int64_t nrows, int64_t n_per_row, const float *imatrix)',
    ),
    needsImportance: library.func('bool ggml_quantize_requires_imatrix(int32_t type)'),
  };
}

/** The quantiser of a ggml type; undefined for types that cannot be made without an importance matrix, or not at all. */
export function quantiserOf(type: number): Quantiser | undefined {
  const known = ggmlType(type);
  functions ??= bind();
  const { quantise, needsImportance } = functions;
  if (!known || known.blockSize === 1 || known.name === 'Q8_1' || known.name === 'Q8_K') return undefined;
  if (needsImportance(type)) return undefined;
  return (values, rows, columns) => {
    const out = Buffer.allocUnsafeSlow(rows * (columns / known.blockSize) * known.blockBytes);
    quantise(type, values, out, 0, rows, columns, null);
    return out;
  };
}
