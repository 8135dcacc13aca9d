/**
 * Scores from which everything that is linear in the logarithms of the weight norms is taken away (ordinary least
 * squares): large weights turn less under the same update, so neurons may seem inert only because they are large.
 * @param score drift score of each neuron
 * @param norms of the neuron's weights, one list a covariate; a norm of zero counts as the smallest positive one
 * @returns residuals, mean zero
 */
export function withoutNorms(score: Float64Array, norms: Float64Array[]): Float64Array {
  const covariates = norms.map(centredLogs);
  const centred = centre(score);
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

function centredLogs(norms: Float64Array): Float64Array {
  let smallest = Number.POSITIVE_INFINITY;
  for (const norm of norms) if (norm > 0 && norm < smallest) smallest = norm;
  return centre(
    norms.map((norm) => (smallest === Number.POSITIVE_INFINITY ? 0 : Math.log(norm > 0 ? norm : smallest))),
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
