import { freemem } from 'node:os';
import { UserError } from '../errors.js';
import { type DenseMatrix, denseMatrix, type FeatureMatrix, isDense, rowCount, rowOf } from './matrix.js';
import type { Scanner } from './scanner.js';

/** A matrix that is ready for fitting: finite, and with what screening needs to know of its columns. */
export interface Store {
  matrix: FeatureMatrix;
  rows: number;
  columns: number;
  /** mu_j, the mean of a column. */
  means: Float64Array;
  /** ||x_j - mu_j||. */
  spreads: Float64Array;
  /** ||x_j||. */
  norms: Float64Array;
  /** lambda_j, by what the penalty counts |w_j|: 1, or the column's standard deviation, which is a fit to scaled columns in other words. */
  penalties: Float64Array;
  /** Bytes that may be used for copies of columns, beyond the matrix itself. */
  memory: number;
}

/**
 * Bytes up to which a matrix is copied into memory. Larger ones stay in their file: where memory is plentiful the system
 * keeps the file in its cache anyway, and a pass over that costs less than a second pass over fresh memory would.
 */
const HELD = 1 << 28;

/** Bytes that a fit may use unless told otherwise: half of what is free. */
export function defaultMemory(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(freemem(), Math.max(0, limit - process.memoryUsage.rss())) / 2;
}

/**
 * Looks at every value once. A matrix that is not large and fits in `memory` bytes is held, others stay in their file. With
 * `standardise` the penalties are standard deviations; a constant column then has an infinite one and never gets a weight.
 * Throws a UserError that names row and column of a value that is not finite.
 */
export async function openStore(
  source: FeatureMatrix,
  scanner: Scanner,
  { memory = defaultMemory(), standardise = false }: { memory?: number; standardise?: boolean } = {},
): Promise<Store> {
  const rows = rowCount(source);
  const { columns } = source;
  if (rows === 0 || columns === 0)
    throw new UserError(`the feature matrix is empty: ${rows} rows, ${columns} columns`);
  const bytes = 4 * rows * columns;
  const keep = !isDense(source) && bytes <= Math.min(memory, HELD) ? denseMatrix(rows, columns) : undefined;
  const { moments } = await scanner.scan(source, { moments: true, keep });
  const matrix = keep ?? source;
  const { sums, squares } = moments!;
  const means = new Float64Array(columns);
  const spreads = new Float64Array(columns);
  const norms = new Float64Array(columns);
  const penalties = new Float64Array(columns).fill(1);
  for (let j = 0; j < columns; j++) {
    if (!Number.isFinite(squares[j])) await refuseColumn(source, j, scanner);
    means[j] = sums[j] / rows;
    norms[j] = Math.sqrt(squares[j]);
    // Rounding must not make the bound smaller than the truth.
    spreads[j] = Math.sqrt(Math.max(0, squares[j] - sums[j] * means[j]) + 1e-12 * squares[j]);
    if (standardise) penalties[j] = deviation(sums[j], squares[j], rows) || Number.POSITIVE_INFINITY;
  }
  return {
    matrix,
    rows,
    columns,
    means,
    spreads,
    norms,
    penalties,
    memory: keep ? memory - bytes : memory,
  };
}

/**
 * Standard deviation of a column (over all n, as NumPy and StandardScaler have it) from its sum and sum of squares; 0 where it
 * cannot be told from rounding.
 */
export function deviation(sum: number, squares: number, rows: number): number {
  const spread = squares - (sum * sum) / rows;
  return spread > 1e-12 * squares ? Math.sqrt(spread / rows) : 0;
}

/** Throws the UserError for a column whose moments are not finite. */
export async function refuseColumn(matrix: FeatureMatrix, column: number, scanner: Scanner): Promise<never> {
  const values = await gatherColumns(matrix, Uint32Array.of(column), scanner);
  let row = 0;
  while (row < values.rows && Number.isFinite(rowOf(values, row)[0])) row++;
  const where = isDense(matrix) ? 'the features' : matrix.path;
  throw new UserError(
    `${where}: row ${row}, column ${column} is ${rowOf(values, row)[0]}; every feature must be a finite number`,
  );
}

/**
 * Chosen columns (ascending) of a matrix as a small matrix in memory, in one pass. Throws a UserError for a column that the
 * matrix does not have, or columns out of order.
 */
export async function gatherColumns(
  matrix: FeatureMatrix,
  columns: Uint32Array,
  scanner: Scanner,
): Promise<DenseMatrix> {
  for (let i = 0; i < columns.length; i++) {
    if (columns[i] >= matrix.columns || (i > 0 && columns[i] <= columns[i - 1])) {
      throw new UserError(
        `columns must be ascending and below ${matrix.columns}; column ${columns[i]} is not`,
      );
    }
  }
  const rows = rowCount(matrix);
  const result: DenseMatrix = {
    rows,
    columns: columns.length,
    rowsPerBlock: 8 * Math.ceil(rows / 8),
    blocks: [sharedRows(rows, columns.length)],
  };
  await scanner.scan(matrix, { gathers: [{ columns, into: result.blocks[0], stride: columns.length }] });
  return result;
}

function sharedRows(rows: number, columns: number): Float32Array {
  try {
    return new Float32Array(new SharedArrayBuffer(4 * rows * columns));
  } catch (cause) {
    throw new UserError(`not enough memory for ${columns} columns of ${rows} rows`, { cause });
  }
}
