/** Adds to `into`, `[rows, rows]`, the products x_i . diag(weights) x_k of rows k <= i; a worker does every `step`-th four of the rows i. */
export interface KernelTask {
  /** `[rows, width]`, row-major. */
  x: Float32Array;
  rows: number;
  width: number;
  weights: Float64Array;
  into: Float64Array;
}

/** Columns whose values in a few rows stay in the first-level cache. */
const STRIP = 1024;

/** In tiles of four rows and two, whose sums stay in registers. Products are of float64; what lands above the diagonal does no harm. */
export function kernelRows(task: KernelTask, first: number, step: number): void {
  const { x, rows, width, weights, into } = task;
  const four = new Float64Array(4 * STRIP);
  for (let start = 0; start < width; start += STRIP) {
    const length = Math.min(STRIP, width - start);
    for (let top = 4 * first; top < rows; top += 4 * step) {
      const height = Math.min(4, rows - top);
      for (let i = 0; i < 4; i++) {
        const from = (top + Math.min(i, height - 1)) * width + start;
        for (let j = 0; j < length; j++) four[i * STRIP + j] = weights[start + j] * x[from + j];
      }
      for (let left = 0; left < top + height; left += 2) {
        const second = Math.min(left + 1, rows - 1);
        addTile(four, length, x, left * width + start, second * width + start, into, top * rows + left, {
          rows,
          height,
          pair: second > left,
        });
      }
    }
  }
}

function addTile(
  four: Float64Array,
  length: number,
  x: Float32Array,
  b0: number,
  b1: number,
  into: Float64Array,
  at: number,
  { rows, height, pair }: { rows: number; height: number; pair: boolean },
): void {
  let s00 = 0;
  let s01 = 0;
  let s10 = 0;
  let s11 = 0;
  let s20 = 0;
  let s21 = 0;
  let s30 = 0;
  let s31 = 0;
  for (let j = 0; j < length; j++) {
    const p = x[b0 + j];
    const q = x[b1 + j];
    const r0 = four[j];
    const r1 = four[STRIP + j];
    const r2 = four[2 * STRIP + j];
    const r3 = four[3 * STRIP + j];
    s00 += r0 * p;
    s01 += r0 * q;
    s10 += r1 * p;
    s11 += r1 * q;
    s20 += r2 * p;
    s21 += r2 * q;
    s30 += r3 * p;
    s31 += r3 * q;
  }
  const sums = [s00, s01, s10, s11, s20, s21, s30, s31];
  for (let i = 0; i < height; i++) {
    into[at + i * rows] += sums[2 * i];
    if (pair) into[at + i * rows + 1] += sums[2 * i + 1];
  }
}
