import { meanScore } from './rank.js';

/**
 * How much neurons moved beyond what the size of their weights explains. An update of one size for all turns a neuron by
 * `1 - cos = d^2 / (2 |w|^2)`, so that large neurons seem inert only because they are large. Logarithms make that a straight line, and
 * how far it lies up differs by layer: within each layer, the logarithms of the drifts are z-scored, averaged, and what is linear in
 * the logarithms of the norms is taken away (ordinary least squares).
 *
 * A drift or norm of zero, which has no logarithm, counts as half the smallest positive one of its layer; where a whole layer has
 * none, it says nothing about its neurons, and they come out at 0.
 * @param drifts of each kind of matrix, `[layers * ffn]`
 * @param norms  of the neuron's weights in these matrices, as long
 * @returns residuals `[layers * ffn]`, with mean zero in each layer; larger is moved more
 */
export function withoutNorms(drifts: Float64Array[], norms: Float64Array[], ffn: number): Float64Array {
  const residuals = new Float64Array(drifts[0].length);
  for (let from = 0; from < residuals.length; from += ffn) {
    const logs = (list: Float64Array) => logarithms(list.subarray(from, from + ffn));
    residuals.set(leastSquares(meanScore(drifts.map(logs)), norms.map(logs)), from);
  }
  return residuals;
}

function logarithms(values: Float64Array): Float64Array {
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of values) if (value > 0 && value < smallest) smallest = value;
  if (smallest === Number.POSITIVE_INFINITY) return new Float64Array(values.length);
  return values.map((value) => Math.log(value > 0 ? value : smallest / 2));
}

/** What is left of `values` when everything linear in the covariates is taken away, and the mean. */
function leastSquares(values: Float64Array, list: Float64Array[]): Float64Array {
  const covariates = list.map(centre);
  const centred = centre(values);
  const size = covariates.length;
  // Normal equations of the centred problem; with two covariates they are 2 x 2.
  const matrix = Array.from({ length: size }, (_, i) =>
    Array.from({ length: size }, (_, k) => dot(covariates[i], covariates[k])),
  );
  const right = covariates.map((covariate) => dot(covariate, centred));
  const coefficients = solve(matrix, right);
  return centred.map((value, j) =>
    covariates.reduce((rest, covariate, i) => rest - coefficients[i] * covariate[j], value),
  );
}

function centre(values: Float64Array): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  return values.map((value) => value - mean);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** Gaussian elimination with pivoting; a covariate that does not vary, or repeats another, gets coefficient 0. */
function solve(matrix: number[][], right: number[]): number[] {
  const a = matrix.map((row, i) => [...row, right[i]]);
  const size = right.length;
  const largest = Math.max(...a.map((row, i) => row[i]));
  const solved: number[] = new Array(size).fill(0);
  const pivots: number[] = [];
  for (let column = 0; column < size; column++) {
    const row = pivots.length;
    let best = row;
    for (let i = row + 1; i < size; i++) if (Math.abs(a[i][column]) > Math.abs(a[best][column])) best = i;
    if (!(Math.abs(a[best][column]) > 1e-12 * largest)) continue;
    [a[row], a[best]] = [a[best], a[row]];
    for (let i = 0; i < size; i++) {
      if (i === row) continue;
      const factor = a[i][column] / a[row][column];
      for (let k = column; k <= size; k++) a[i][k] -= factor * a[row][k];
    }
    pivots.push(column);
  }
  pivots.forEach((column, row) => {
    solved[column] = a[row][size] / a[row][column];
  });
  return solved;
}
