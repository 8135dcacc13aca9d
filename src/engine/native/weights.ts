import { closeSync, openSync, readSync } from 'node:fs';
import { UserError } from '../../errors.js';
import { F32 } from '../gguf/ggml-types.js';
import type { Gguf, TensorInfo } from '../gguf/types.js';
import { copyFloats, type Decoder, libraryDecoder } from './dequantise.js';
import type { Llama } from './llama.js';

const CHUNK_BYTES = 8 << 20;

/**
 * Reads a tensor row by row (a row: `shape[0]` values), dequantised to float32 by the library's own routine for the
 * tensor's type, and hands each to `use` with its index. The row buffer is reused. Memory: one chunk.
 * @throws UserError for a type that the library cannot dequantise or a file that ends early.
 */
export function eachRow(
  llama: Llama,
  tensor: TensorInfo,
  use: (row: Float32Array, index: number) => void,
): void {
  const width = tensor.shape[0];
  const rows = tensor.shape.slice(1).reduce((product, n) => product * n, 1);
  const rowBytes = tensor.bytes / rows;
  const convert = decoderOf(llama, tensor.type, tensor.name);
  const perChunk = Math.max(1, Math.min(rows, Math.floor(CHUNK_BYTES / rowBytes)));
  const bytes = Buffer.allocUnsafeSlow(perChunk * rowBytes);
  const values = new Float32Array(perChunk * width);
  const file = openSync(tensor.file, 'r');
  try {
    for (let first = 0; first < rows; first += perChunk) {
      const count = Math.min(perChunk, rows - first);
      let filled = 0;
      while (filled < count * rowBytes) {
        const read = readSync(
          file,
          bytes,
          filled,
          count * rowBytes - filled,
          tensor.offset + first * rowBytes + filled,
        );
        if (read === 0) throw new UserError(`${tensor.file} ends inside ${tensor.name}: download it again`);
        filled += read;
      }
      convert(bytes, values, count * width);
      for (let i = 0; i < count; i++) use(values.subarray(i * width, (i + 1) * width), first + i);
    }
  } finally {
    closeSync(file);
  }
}

const knownDecoder = (llama: Llama, type: number): Decoder | undefined =>
  type === F32 ? copyFloats : libraryDecoder(llama.typeTraits, type);

function decoderOf(llama: Llama, type: number, name: string): Decoder {
  const decode = knownDecoder(llama, type);
  if (decode) return decode;
  throw new UserError(`${name} is stored as ggml type ${type}, which llama.cpp cannot convert to float`);
}

/** A whole small tensor (a bias, a norm) as float32. */
export function readTensor(llama: Llama, tensor: TensorInfo): Float32Array {
  const out = new Float32Array(tensor.shape.reduce((product, n) => product * n, 1));
  eachRow(llama, tensor, (row, index) => out.set(row, index * row.length));
  checkFinite(out, tensor);
  return out;
}

/**
 * Reads all weights once.
 * @throws UserError that names the first tensor with values that are not finite
 */
export function checkWeights(llama: Llama, { tensors }: Gguf): void {
  for (const tensor of tensors.values()) {
    if (tensor.bytes > 0 && knownDecoder(llama, tensor.type))
      eachRow(llama, tensor, (row) => checkFinite(row, tensor));
  }
}

/** @throws UserError that names the tensor when one of its values (or what was computed from them) is NaN or infinite */
function checkFinite(values: Float32Array, { file, name }: TensorInfo): void {
  if (values.every(Number.isFinite)) return;
  throw new UserError(
    `${file}: ${name} holds values that are not finite (NaN or infinite): the file is damaged; download it again`,
  );
}

/**
 * L2 norm of each column of one W_down, `[ffn]`: ggml stores it as `hidden` rows of `ffn` values.
 * @throws UserError that names the tensor when a norm is not finite
 */
export function columnNorms(llama: Llama, down: TensorInfo): Float32Array {
  const squares = new Float64Array(down.shape[0]);
  eachRow(llama, down, (row) => {
    for (let j = 0; j < row.length; j++) squares[j] += row[j] * row[j];
  });
  const norms = Float32Array.from(squares, Math.sqrt);
  checkFinite(norms, down);
  return norms;
}

/** Columns J of one W_down, row-major `[hidden, J.length]`. */
export function columns(llama: Llama, down: TensorInfo, wanted: ArrayLike<number>): Float32Array {
  const out = new Float32Array(down.shape[1] * wanted.length);
  eachRow(llama, down, (row, index) => {
    for (let k = 0; k < wanted.length; k++) out[index * wanted.length + k] = row[wanted[k]];
  });
  checkFinite(out, down);
  return out;
}
