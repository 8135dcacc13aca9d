import { closeSync, openSync, readSync } from 'node:fs';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { type DenseMatrix, type FeatureMatrix, isDense, ROW_BYTES, type RowMatrix } from './matrix.js';
import { decodeQuickly } from './simd/simd.js';

/** Columns of a matrix that are wanted in memory, next to each other. */
export interface Gather {
  /** Ascending. */
  columns: Uint32Array;
  /** `[rows, stride]`, the first `columns.length` of each row are filled. */
  into: Float32Array;
  stride: number;
}

/** What one pass over a matrix is to compute. All arrays that are written have a place for every column. */
export interface ScanTask {
  /** r, one value a row. */
  vectors: Float64Array[];
  /** X^T r for each vector. */
  products: Float64Array[];
  gathers: Gather[];
  /** Sum and sum of squares of each column. */
  moments?: { sums: Float64Array; squares: Float64Array };
  /** A matrix of the same shape that keeps what is read from the file. */
  keep?: DenseMatrix;
}

/** x, a chunk of the matrix: element (i, j) of rows `first + i` and columns `from + j` is `x[start + i * stride + j]`. */
interface Chunk {
  x: Float32Array;
  start: number;
  stride: number;
  first: number;
  rows: number;
}

/** Products of a tile stay in the first-level cache. */
const TILE = 2048;
const CHUNK_BYTES = 1 << 23;

/**
 * Does `task` for the columns [from, to) of a matrix. Sums run over the rows in one fixed order, wherever the matrix is and
 * however the columns are split, so that the result is the same to the last bit for any number of threads.
 */
export function scanColumns(matrix: FeatureMatrix, task: ScanTask, from: number, to: number): void {
  for (const product of task.products) product.fill(0, from, to);
  task.moments?.sums.fill(0, from, to);
  task.moments?.squares.fill(0, from, to);
  for (const chunk of isDense(matrix) ? blocksOf(matrix, from) : fileChunks(matrix, task.keep, from, to)) {
    for (let tile = from; tile < to; tile += TILE) {
      const end = Math.min(to, tile + TILE);
      for (let v = 0; v < task.vectors.length; v++) {
        accumulate(chunk, from, task.vectors[v], task.products[v], tile, end);
      }
      if (task.moments) accumulateMoments(chunk, from, task.moments.sums, task.moments.squares, tile, end);
    }
    for (const gather of task.gathers) copyColumns(chunk, from, to, gather);
  }
}

function* blocksOf(matrix: DenseMatrix, from: number): Generator<Chunk> {
  for (let b = 0; b < matrix.blocks.length; b++) {
    const first = b * matrix.rowsPerBlock;
    const rows = Math.min(matrix.rowsPerBlock, matrix.rows - first);
    yield { x: matrix.blocks[b], start: from, stride: matrix.columns, first, rows };
  }
}

function* fileChunks(
  matrix: RowMatrix,
  keep: DenseMatrix | undefined,
  from: number,
  to: number,
): Generator<Chunk> {
  const width = to - from;
  const total = matrix.offsets.length;
  const most = Math.max(8, 8 * Math.floor(CHUNK_BYTES / (4 * width) / 8));
  const buffer = keep ? undefined : new Float32Array(Math.min(total, most) * width);
  const file = openRows(matrix);
  try {
    for (let first = 0; first < total; ) {
      const chunk = buffer
        ? { x: buffer, start: 0, stride: width, first, rows: Math.min(most, total - first) }
        : placeIn(keep!, first, most, from);
      for (let i = 0; i < chunk.rows; i++) {
        const start = chunk.start + i * chunk.stride;
        file.read(first + i, from, chunk.x.subarray(start, start + width));
      }
      yield chunk;
      first += chunk.rows;
    }
  } finally {
    file.close();
  }
}

/** An open matrix file, from which parts of rows are read as float32. */
interface RowFile {
  /** Fills `into` with a row's values from column `from` on. Throws a UserError when the file is shorter than that. */
  read(row: number, from: number, into: Float32Array): void;
  close(): void;
}

function openRows({ path, offsets, dtype = 'F32' }: RowMatrix): RowFile {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  const size = ROW_BYTES[dtype];
  let halves = new Uint16Array(0);
  return {
    read(row, from, into) {
      const at = offsets[row] + size * from;
      if (dtype === 'F32') {
        readFully(file, new Uint8Array(into.buffer, into.byteOffset, into.byteLength), at, path);
        return;
      }
      if (halves.length !== into.length) halves = new Uint16Array(into.length);
      readFully(file, new Uint8Array(halves.buffer), at, path);
      decodeQuickly(halves, into);
    },
    close: () => closeSync(file),
  };
}

/** Where rows from `first` on are kept: up to `most` of one block, whose sizes are multiples of 8 as well. */
function placeIn(keep: DenseMatrix, first: number, most: number, from: number): Chunk {
  const b = Math.floor(first / keep.rowsPerBlock);
  const inside = first % keep.rowsPerBlock;
  const rows = Math.min(most, keep.rowsPerBlock - inside, keep.rows - first);
  return { x: keep.blocks[b], start: inside * keep.columns + from, stride: keep.columns, first, rows };
}

/** Fills `bytes` from a place in a file. Throws a UserError when the file is shorter than that. */
function readFully(file: number, bytes: Uint8Array, at: number, path: string): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, Math.min(bytes.length - done, 1 << 30), at + done);
      if (read === 0)
        throw new UserError(`${path}: truncated: its features end before byte ${at + bytes.length}`);
      done += read;
    }
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

/** c[j] += sum over the chunk's rows of r_i x_ij, for j in [from, to); eight rows at a time save loads and stores of c. */
function accumulate(
  chunk: Chunk,
  origin: number,
  r: Float64Array,
  c: Float64Array,
  from: number,
  to: number,
): void {
  const { x, stride: p, first } = chunk;
  const whole = chunk.rows - (chunk.rows % 8);
  for (let i = 0; i < chunk.rows; i += i < whole ? 8 : 1) {
    const at = first + i;
    let o = chunk.start + i * p + from - origin;
    if (i >= whole) {
      const r0 = r[at];
      if (r0 !== 0) for (let j = from; j < to; j++, o++) c[j] += r0 * x[o];
      continue;
    }
    const r0 = r[at];
    const r1 = r[at + 1];
    const r2 = r[at + 2];
    const r3 = r[at + 3];
    const r4 = r[at + 4];
    const r5 = r[at + 5];
    const r6 = r[at + 6];
    const r7 = r[at + 7];
    for (let j = from; j < to; j++, o++) {
      c[j] +=
        r0 * x[o] +
        r1 * x[o + p] +
        (r2 * x[o + 2 * p] + r3 * x[o + 3 * p]) +
        (r4 * x[o + 4 * p] + r5 * x[o + 5 * p] + (r6 * x[o + 6 * p] + r7 * x[o + 7 * p]));
    }
  }
}

function accumulateMoments(
  chunk: Chunk,
  origin: number,
  sums: Float64Array,
  squares: Float64Array,
  from: number,
  to: number,
): void {
  const { x, stride: p } = chunk;
  const whole = chunk.rows - (chunk.rows % 4);
  for (let i = 0; i < chunk.rows; i += i < whole ? 4 : 1) {
    let o = chunk.start + i * p + from - origin;
    if (i >= whole) {
      for (let j = from; j < to; j++, o++) {
        sums[j] += x[o];
        squares[j] += x[o] * x[o];
      }
      continue;
    }
    for (let j = from; j < to; j++, o++) {
      const a = x[o];
      const b = x[o + p];
      const c = x[o + 2 * p];
      const d = x[o + 3 * p];
      sums[j] += a + b + (c + d);
      squares[j] += a * a + b * b + (c * c + d * d);
    }
  }
}

function copyColumns(chunk: Chunk, from: number, to: number, { columns, into, stride }: Gather): void {
  const low = lowerBound(columns, from);
  const high = lowerBound(columns, to);
  for (let i = 0; i < chunk.rows; i++) {
    const source = chunk.start + i * chunk.stride - from;
    const target = (chunk.first + i) * stride;
    for (let s = low; s < high; s++) into[target + s] = chunk.x[source + columns[s]];
  }
}

/** The first place in an ascending array whose value is not below `value`. */
export function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
