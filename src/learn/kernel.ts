import { UserError } from '../errors.js';
import { type FeatureMatrix, isDense, ROW_BYTES, rowCount } from './matrix.js';
import { addProducts } from './products.js';
import { type Scanner, sharedFloats } from './scanner.js';
import { deviation, refuseColumn } from './store.js';

/** Adds to `into`, `[rows, rows]`, the products of the scaled rows i with the rows k <= i. */
export interface KernelTask {
  /** `[rows, width]`, row-major. */
  x: Float32Array;
  rows: number;
  width: number;
  /** By what each column is multiplied. */
  scale: Float64Array;
  into: Float64Array;
}

export function kernelRows({ x, rows, width, scale, into }: KernelTask, first: number, step: number): void {
  addProducts(
    { values: x, count: rows, length: width, across: width, along: 1, scale },
    0,
    into,
    first,
    step,
  );
}

export interface Kernel {
  rows: number;
  /** K = X diag(scale)^2 X^T, `[rows, rows]`, both triangles. */
  values: Float64Array;
  /** By what each column is multiplied; all ones unless standardised. */
  scale: Float64Array;
}

/** Bytes of the columns that are in memory at a time, as float32. */
const TILE_BYTES = 1 << 28;

/**
 * The products of all pairs of rows, in float64, by one pass over the matrix in tiles of columns. With `standardise` each
 * column is divided by its standard deviation first; constant columns then count nothing. Throws UserErrors for a
 * matrix that is empty or not finite, and for more rows than `memory` bytes have room for.
 */
export async function kernelOf(
  matrix: FeatureMatrix,
  scanner: Scanner,
  { standardise = false, memory }: { standardise?: boolean; memory: number },
): Promise<Kernel> {
  const rows = rowCount(matrix);
  const { columns } = matrix;
  if (rows === 0 || columns === 0)
    throw new UserError(`the feature matrix is empty: ${rows} rows, ${columns} columns`);
  // The kernel and, while fitting, a factor of its size.
  const bytes = 2 * 8 * rows * rows;
  if (bytes > memory) {
    throw new UserError(
      `L2 over all columns needs ${(bytes / 1e9).toFixed(1)} GB for ${rows} rows; take fewer rows`,
    );
  }
  const width = Math.min(columns, Math.max(16, Math.floor(Math.min(TILE_BYTES, memory / 4) / (4 * rows))));
  const values = sharedFloats(rows * rows);
  const part = sharedFloats(width);
  const x = new Float32Array(new SharedArrayBuffer(4 * rows * width));
  const scale = new Float64Array(columns).fill(1);
  for (let from = 0; from < columns; from += width) {
    const count = Math.min(width, columns - from);
    const { sums, squares } = await readTile(matrix, from, count, x, scanner);
    for (let j = 0; j < count; j++) {
      if (!Number.isFinite(squares[j])) await refuseColumn(matrix, from + j, scanner);
      if (standardise) {
        const sd = deviation(sums[j], squares[j], rows);
        scale[from + j] = sd > 0 ? 1 / sd : 0;
      }
      part[j] = scale[from + j];
    }
    await scanner.kernel({ x, rows, width: count, scale: part, into: values });
  }
  for (let i = 0; i < rows; i++)
    for (let k = i + 1; k < rows; k++) values[i * rows + k] = values[k * rows + i];
  return { rows, values, scale };
}

/** Brings `count` columns from `from` on into memory, `[rows, count]`, and returns their moments. */
async function readTile(
  matrix: FeatureMatrix,
  from: number,
  count: number,
  into: Float32Array,
  scanner: Scanner,
): Promise<{ sums: Float64Array; squares: Float64Array }> {
  if (isDense(matrix)) {
    const columns = Uint32Array.from({ length: count }, (_, j) => from + j);
    const { moments } = await scanner.scan(matrix, {
      gathers: [{ columns, into, stride: count }],
      moments: true,
    });
    const part = (values: Float64Array) => values.subarray(from, from + count);
    return { sums: part(moments!.sums), squares: part(moments!.squares) };
  }
  const shift = ROW_BYTES[matrix.dtype ?? 'F32'] * from;
  const tile = { ...matrix, columns: count, offsets: matrix.offsets.map((offset) => offset + shift) };
  const columns = Uint32Array.from({ length: count }, (_, j) => j);
  const { moments } = await scanner.scan(tile, {
    gathers: [{ columns, into, stride: count }],
    moments: true,
  });
  return moments!;
}
