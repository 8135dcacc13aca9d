import { closeSync, openSync } from 'node:fs';
import { UserError } from '../errors.js';
import { rowReader } from '../weights/rows.js';
import type { StoredMatrix } from '../weights/types.js';

/** For each neuron of a matrix pair: the products that its cosine is made of, `[ffn]` each. */
export interface Products {
  /** a . b */
  dot: Float64Array;
  /** a . a and b . b */
  squareA: Float64Array;
  squareB: Float64Array;
}

/**
 * Adds up the products of every neuron's weights in two files, reading both once, a chunk at a time.
 * @throws UserError when a file ends early, a weight is not a finite number, or all of them are zero.
 */
export function neuronProducts(a: StoredMatrix, b: StoredMatrix, into: Products): void {
  const fileA = openSync(a.file, 'r');
  try {
    const fileB = openSync(b.file, 'r');
    try {
      if (a.neurons === b.neurons) sameLayout(a, fileA, b, fileB, into);
      else otherLayout(a, fileA, b, fileB, into);
    } finally {
      closeSync(fileB);
    }
  } finally {
    closeSync(fileA);
  }
  checkSquares(a, into.squareA);
  checkSquares(b, into.squareB);
}

function sameLayout(a: StoredMatrix, fileA: number, b: StoredMatrix, fileB: number, into: Products): void {
  const readA = rowReader(a, fileA);
  const readB = rowReader(b, fileB, readA.perChunk);
  for (let first = 0; first < a.rows; first += readA.perChunk) {
    const count = Math.min(readA.perChunk, a.rows - first);
    addProducts(a.neurons, readA.read(first, count), readB.read(first, count), first, count, a.columns, into);
  }
}

/** Neurons are rows in one file and columns in the other (GPT-2 as safetensors and as GGUF): one is turned round in memory. */
function otherLayout(a: StoredMatrix, fileA: number, b: StoredMatrix, fileB: number, into: Products): void {
  const readB = rowReader(b, fileB);
  const turned = new Float32Array(b.rows * b.columns);
  for (let first = 0; first < b.rows; first += readB.perChunk) {
    const count = Math.min(readB.perChunk, b.rows - first);
    const values = readB.read(first, count);
    for (let row = 0; row < count; row++) {
      for (let j = 0; j < b.columns; j++) turned[j * b.rows + first + row] = values[row * b.columns + j];
    }
  }
  const readA = rowReader(a, fileA);
  for (let first = 0; first < a.rows; first += readA.perChunk) {
    const count = Math.min(readA.perChunk, a.rows - first);
    const part = turned.subarray(first * a.columns, (first + count) * a.columns);
    addProducts(a.neurons, readA.read(first, count), part, first, count, a.columns, into);
  }
}

/** Adds the products of `count` rows of both matrices, `[count, width]`, the first of them row `first`. */
export function addProducts(
  neurons: StoredMatrix['neurons'],
  a: Float32Array,
  b: Float32Array,
  first: number,
  count: number,
  width: number,
  into: Products,
): void {
  if (neurons === 'rows') addRows(a, b, first, count, width, into);
  else addColumns(a, b, count, width, into);
}

function addRows(
  a: Float32Array,
  b: Float32Array,
  first: number,
  count: number,
  width: number,
  { dot, squareA, squareB }: Products,
): void {
  const even = width - (width % 2);
  for (let row = 0; row < count; row++) {
    const start = row * width;
    // Two sums each: one alone would wait for its own last addition at every step.
    let [ab, aa, bb, ab2, aa2, bb2] = [0, 0, 0, 0, 0, 0];
    for (let at = start; at < start + even; at += 2) {
      const x = a[at];
      const y = b[at];
      const x2 = a[at + 1];
      const y2 = b[at + 1];
      ab += x * y;
      ab2 += x2 * y2;
      aa += x * x;
      aa2 += x2 * x2;
      bb += y * y;
      bb2 += y2 * y2;
    }
    if (even < width) {
      const x = a[start + even];
      const y = b[start + even];
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    dot[first + row] += ab + ab2;
    squareA[first + row] += aa + aa2;
    squareB[first + row] += bb + bb2;
  }
}

function addColumns(
  a: Float32Array,
  b: Float32Array,
  count: number,
  width: number,
  { dot, squareA, squareB }: Products,
): void {
  // Four rows at a time: the sums of a column are fetched and stored once for all four.
  let row = 0;
  for (; row + 4 <= count; row += 4) {
    const start = row * width;
    for (let j = 0; j < width; j++) {
      const at = start + j;
      const x0 = a[at];
      const y0 = b[at];
      const x1 = a[at + width];
      const y1 = b[at + width];
      const x2 = a[at + 2 * width];
      const y2 = b[at + 2 * width];
      const x3 = a[at + 3 * width];
      const y3 = b[at + 3 * width];
      dot[j] += x0 * y0 + x1 * y1 + (x2 * y2 + x3 * y3);
      squareA[j] += x0 * x0 + x1 * x1 + (x2 * x2 + x3 * x3);
      squareB[j] += y0 * y0 + y1 * y1 + (y2 * y2 + y3 * y3);
    }
  }
  for (; row < count; row++) {
    for (let j = 0, at = row * width; j < width; j++, at++) {
      const x = a[at];
      const y = b[at];
      dot[j] += x * y;
      squareA[j] += x * x;
      squareB[j] += y * y;
    }
  }
}

function checkSquares(matrix: StoredMatrix, squares: Float64Array): void {
  const neuron = squares.findIndex((value) => !Number.isFinite(value));
  if (neuron >= 0) {
    throw new UserError(
      `${matrix.file}: ${matrix.tensor} holds weights of neuron ${neuron} that are no finite numbers (NaN or infinite); the file is damaged`,
    );
  }
  if (squares.every((value) => value === 0)) {
    throw new UserError(
      `${matrix.file}: ${matrix.tensor} is all zeros, so its neurons point nowhere and cannot be compared; take a file that holds the trained weights`,
    );
  }
}

/** Sums of doubles cannot tell a smaller drift from none: equal weights come out at up to 1e-15. */
const RESOLUTION = 1e-12;

/**
 * `1 - cos` of each neuron, in [0, 2]; exactly 0 where it is below 1e-12. A neuron without weights in both files has not moved (0);
 * in one alone it has no direction left to share (1).
 */
export function cosineDrift({ dot, squareA, squareB }: Products): Float64Array {
  return dot.map((product, j) => {
    const norms = Math.sqrt(squareA[j]) * Math.sqrt(squareB[j]);
    if (norms === 0) return squareA[j] === squareB[j] ? 0 : 1;
    const turned = 1 - product / norms;
    return turned < RESOLUTION ? 0 : Math.min(2, turned);
  });
}
