import { type DenseMatrix, type FeatureMatrix, rowOf } from '../learn/matrix.js';
import { lowerBound } from '../learn/scan.js';
import { createScanner } from '../learn/scanner.js';
import { gatherColumns } from '../learn/store.js';

/** Some columns of a feature matrix, in memory. */
export interface Gathered {
  /** Ascending, as columns of the whole matrix. */
  columns: Uint32Array;
  /** `[rows, columns.length]`. */
  values: DenseMatrix;
}

/**
 * Brings columns, in any order and with repeats, into memory by one pass over the matrix. Throws a UserError for a column
 * that the matrix does not have, and for a file that cannot be read.
 */
export async function gather(
  matrix: FeatureMatrix,
  columns: Iterable<number>,
  signal?: AbortSignal,
): Promise<Gathered> {
  const wanted = Uint32Array.from(new Set(columns)).sort();
  const scanner = createScanner({ signal });
  try {
    return { columns: wanted, values: await gatherColumns(matrix, wanted, scanner) };
  } finally {
    await scanner.close();
  }
}

/** Where gathered columns stand among those that were gathered. */
export function placesOf({ columns }: Gathered, wanted: ArrayLike<number>): Uint32Array {
  return Uint32Array.from(wanted, (column) => lowerBound(columns, column));
}

/** `intercept + sum of weight * value` of each row; `columns` are some of the gathered ones, `weights` theirs. */
export function linearScores(
  gathered: Gathered,
  columns: ArrayLike<number>,
  weights: ArrayLike<number>,
  intercept: number,
): Float64Array {
  const places = placesOf(gathered, columns);
  return Float64Array.from({ length: gathered.values.rows }, (_, row) => {
    const values = rowOf(gathered.values, row);
    return places.reduce((sum, place, i) => sum + weights[i] * values[place], intercept);
  });
}
