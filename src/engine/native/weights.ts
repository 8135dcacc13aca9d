import { closeSync, openSync, readSync } from 'node:fs';
import koffi from 'koffi';
import { UserError } from '../../errors.js';
import type { TensorInfo } from '../gguf/types.js';
import { TRAITS } from './abi.js';
import { type Llama, type Pointer, readAddress, readInt } from './llama.js';

const ToFloat = koffi.proto('void hneurons_to_float(const void *x, void *y, int64_t k)');
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
  const convert = dequantiser(llama, tensor.type, tensor.name);
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

type Dequantise = (source: Buffer, target: Float32Array, count: number) => void;

function dequantiser(llama: Llama, type: number, name: string): Dequantise {
  if (type === 0)
    return (source, target, count) =>
      target.set(new Float32Array(source.buffer, source.byteOffset, count), 0);
  const traits: Pointer = llama.typeTraits(type);
  const routine = traits ? readAddress(traits, TRAITS.toFloat) : 0;
  if (!routine || readInt(traits, TRAITS.typeSize) <= 0)
    throw new UserError(`${name} is stored as ggml type ${type}, which llama.cpp cannot convert to float`);
  return (source, target, count) => koffi.call(BigInt(routine), ToFloat, source, target, count);
}

/** A whole small tensor (a bias, a norm) as float32. */
export function readTensor(llama: Llama, tensor: TensorInfo): Float32Array {
  const out = new Float32Array(tensor.shape.reduce((product, n) => product * n, 1));
  eachRow(llama, tensor, (row, index) => out.set(row, index * row.length));
  return out;
}

/**
 * L2 norm of each column of one W_down, `[ffn]`: ggml stores it as `hidden` rows of `ffn` values.
 */
export function columnNorms(llama: Llama, down: TensorInfo): Float32Array {
  const squares = new Float64Array(down.shape[0]);
  eachRow(llama, down, (row) => {
    for (let j = 0; j < row.length; j++) squares[j] += row[j] * row[j];
  });
  return Float32Array.from(squares, Math.sqrt);
}

/** Columns J of one W_down, row-major `[hidden, J.length]`. */
export function columns(llama: Llama, down: TensorInfo, wanted: ArrayLike<number>): Float32Array {
  const out = new Float32Array(down.shape[1] * wanted.length);
  eachRow(llama, down, (row, index) => {
    for (let k = 0; k < wanted.length; k++) out[index * wanted.length + k] = row[wanted[k]];
  });
  return out;
}
