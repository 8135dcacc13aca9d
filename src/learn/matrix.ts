import { freemem } from 'node:os';
import { UserError } from '../errors.js';
import { loadNpy, readNpy } from '../formats/npy.js';
import { openSafetensors } from '../formats/safetensors.js';

/** Rows of little-endian features in a file, each at its own byte offset: they need not fit in memory. */
export interface RowMatrix {
  path: string;
  columns: number;
  /** Numbers in the file; default: F32. Float16 is decoded as it is read, all that is computed is the same. */
  dtype?: RowType;
  /** Byte offset of each row in the file. */
  offsets: Float64Array;
}

export type RowType = 'F32' | 'F16';

/** Bytes of one number. */
export const ROW_BYTES: Record<RowType, number> = { F32: 4, F16: 2 };

/** A matrix in memory that worker threads can share: row-major blocks of whole rows. */
export interface DenseMatrix {
  rows: number;
  columns: number;
  /** Rows of every block but the last; a multiple of 8. */
  rowsPerBlock: number;
  /** Views of SharedArrayBuffers, `[rows of the block, columns]`. */
  blocks: Float32Array[];
}

export type FeatureMatrix = RowMatrix | DenseMatrix;

/** Indices inside a block stay small integers, the fast kind, below this many values. */
const BLOCK_VALUES = 1 << 27;

export function isDense(matrix: FeatureMatrix): matrix is DenseMatrix {
  return 'blocks' in matrix;
}

export function rowCount(matrix: FeatureMatrix): number {
  return isDense(matrix) ? matrix.rows : matrix.offsets.length;
}

/** An all-zero matrix in shared memory, or one filled with row-major `values`. Throws a UserError when memory is short. */
export function denseMatrix(
  rows: number,
  columns: number,
  values?: Float32Array | Float64Array,
): DenseMatrix {
  const rowsPerBlock = Math.max(8, 8 * Math.floor(BLOCK_VALUES / Math.max(1, columns) / 8));
  const blocks: Float32Array[] = [];
  try {
    for (let row = 0; row < rows; row += rowsPerBlock) {
      const size = Math.min(rowsPerBlock, rows - row) * columns;
      blocks.push(new Float32Array(new SharedArrayBuffer(4 * size)));
    }
  } catch (cause) {
    const gigabytes = ((rows * columns * 4) / 1e9).toFixed(1);
    throw new UserError(`not enough memory for a matrix of ${gigabytes} GB; lower the memory limit`, {
      cause,
    });
  }
  const matrix = { rows, columns, rowsPerBlock, blocks };
  if (values) {
    for (let row = 0; row < rows; row++) {
      rowOf(matrix, row).set(values.subarray(row * columns, (row + 1) * columns));
    }
  }
  return matrix;
}

/** A view of one row. */
export function rowOf(matrix: DenseMatrix, row: number): Float32Array {
  const start = (row % matrix.rowsPerBlock) * matrix.columns;
  return matrix.blocks[Math.floor(row / matrix.rowsPerBlock)].subarray(start, start + matrix.columns);
}

/** The rows of one or more tensors `[rows, columns]` of one type, float32 or float16, of a safetensors file, one after another. */
export async function safetensorsRows(path: string, names: string[]): Promise<RowMatrix> {
  const { tensors } = await openSafetensors(path);
  const offsets: number[] = [];
  let dtype: RowType | undefined;
  let columns = -1;
  for (const name of names) {
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new UserError(`${path}: no tensor "${name}"; it has ${[...tensors.keys()].join(', ') || 'none'}`);
    }
    const [rows, width] = tensor.shape;
    const type = tensor.dtype === 'F32' || tensor.dtype === 'F16' ? tensor.dtype : undefined;
    if (!type || tensor.shape.length !== 2 || (dtype && (width !== columns || type !== dtype))) {
      throw new UserError(
        `${path}: tensor "${name}" is ${tensor.dtype} [${tensor.shape}]; ${dtype ?? 'F32 or F16'} [rows, ${dtype ? columns : 'columns'}] is needed`,
      );
    }
    checkNotEmpty(`${path}: tensor "${name}"`, rows, width);
    dtype = type;
    columns = width;
    for (let row = 0; row < rows; row++) offsets.push(tensor.offset + ROW_BYTES[type] * width * row);
  }
  return { path, columns, dtype, offsets: Float64Array.from(offsets) };
}

/** An empty array has any number of rows without a byte of them in the file. */
function checkNotEmpty(where: string, rows: number, columns: number): void {
  if (rows === 0 || columns === 0) throw new UserError(`${where} is empty: ${rows} rows, ${columns} columns`);
}

/**
 * The features of a `.npy` file `[rows, columns]`. Row-major float32 and float16 stay on disk; any other type or order of numbers is
 * converted to float32 in memory. Throws a UserError for other ranks, for what `readNpy` refuses, and for a file that
 * is too large to be converted in `memory` bytes.
 */
export async function npyMatrix(path: string, memory = freemem()): Promise<FeatureMatrix> {
  const { shape, dtype, itemSize, fortranOrder, offset } = await readNpy(path);
  if (shape.length !== 2)
    throw new UserError(`${path}: has shape (${shape}); features must be [rows, columns]`);
  const [rows, columns] = shape;
  checkNotEmpty(path, rows, columns);
  if ((dtype === 'f4' || dtype === 'f2') && !fortranOrder) {
    return {
      path,
      columns,
      dtype: dtype === 'f2' ? 'F16' : 'F32',
      offsets: Float64Array.from({ length: rows }, (_, row) => offset + itemSize * columns * row),
    };
  }
  // The file, the file in row-major order, and the result.
  if (rows * columns * (2 * itemSize + 4) > memory) {
    throw new UserError(
      `${path}: too large to be converted in memory; save it as row-major float32: numpy.ascontiguousarray(x, "float32")`,
    );
  }
  const { data } = await loadNpy(path);
  const matrix = denseMatrix(rows, columns);
  for (let row = 0; row < rows; row++) {
    const into = rowOf(matrix, row);
    for (let j = 0; j < columns; j++) into[j] = Number(data[row * columns + j]);
  }
  return matrix;
}
