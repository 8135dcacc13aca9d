/** Logistic regression on a few inputs: log-odds = intercept + sum of weight * input. */
export interface FewInputs {
  weights: number[];
  intercept: number;
}

/**
 * Fits the log-odds of label 1 to a handful of inputs, without a penalty; the targets are Platt's (n1 + 1) / (n1 + 2) and
 * 1 / (n0 + 2), so that separated classes still have a finite optimum. Newton's method with step halving. An input that is constant, or
 * a combination of others, gets what a tiny ridge leaves it.
 *
 * @param inputs one array an input, each with a value for every label
 */
export function fitFewInputs(inputs: ArrayLike<number>[], labels: ArrayLike<number>): FewInputs {
  const n = labels.length;
  const positives = Array.from(labels).reduce((sum, label) => sum + label, 0);
  const high = (positives + 1) / (positives + 2);
  const low = 1 / (n - positives + 2);
  const targets = Float64Array.from(labels, (label) => (label === 1 ? high : low));
  // Inputs of one size keep the system well conditioned.
  const scales = inputs.map((values) => spreadOf(values));
  const columns = [
    ...inputs.map((values, k) =>
      Float64Array.from(values, (value) => (value - scales[k].mean) / scales[k].deviation),
    ),
    new Float64Array(n).fill(1),
  ];
  let w = new Float64Array(columns.length);
  let loss = crossEntropy(columns, w, targets);
  for (let iteration = 0; iteration < 100; iteration++) {
    const step = newtonStep(columns, w, targets);
    let improved = false;
    for (let scale = 1; scale > 1e-10 && !improved; scale /= 2) {
      const next = w.map((value, k) => value - scale * step[k]);
      const nextLoss = crossEntropy(columns, next, targets);
      if (nextLoss < loss - 1e-14 * Math.abs(loss)) {
        w = next;
        loss = nextLoss;
        improved = true;
      }
    }
    if (!improved) break;
  }
  const weights = inputs.map((_, k) => w[k] / scales[k].deviation);
  const intercept = weights.reduce((sum, weight, k) => sum - weight * scales[k].mean, w[inputs.length]);
  return { weights, intercept };
}

/** Log-odds of each row. */
export function logOdds(model: FewInputs, inputs: ArrayLike<number>[]): Float64Array {
  return Float64Array.from({ length: inputs[0].length }, (_, row) =>
    inputs.reduce((sum, values, k) => sum + model.weights[k] * values[row], model.intercept),
  );
}

function spreadOf(values: ArrayLike<number>): { mean: number; deviation: number } {
  const list = Array.from(values);
  const mean = list.reduce((sum, value) => sum + value, 0) / list.length;
  const variance = list.reduce((sum, value) => sum + (value - mean) ** 2, 0) / list.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}

function marginOf(columns: Float64Array[], w: Float64Array, row: number): number {
  return columns.reduce((sum, values, k) => sum + w[k] * values[row], 0);
}

function crossEntropy(columns: Float64Array[], w: Float64Array, targets: Float64Array): number {
  let sum = 0;
  for (let row = 0; row < targets.length; row++) {
    const x = marginOf(columns, w, row);
    sum += Math.max(x, 0) - targets[row] * x + Math.log1p(Math.exp(-Math.abs(x)));
  }
  return sum;
}

/** H^-1 g, by Gaussian elimination: H is a few numbers wide and positive definite. */
function newtonStep(columns: Float64Array[], w: Float64Array, targets: Float64Array): Float64Array {
  const size = columns.length;
  const system = Array.from({ length: size }, () => new Float64Array(size + 1));
  for (let row = 0; row < targets.length; row++) {
    const x = marginOf(columns, w, row);
    const probability = 1 / (1 + Math.exp(-x));
    const curvature = probability * (1 - probability);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) system[a][b] += curvature * columns[a][row] * columns[b][row];
      system[a][size] += (probability - targets[row]) * columns[a][row];
    }
  }
  for (let a = 0; a < size; a++) system[a][a] += 1e-9;
  for (let pivot = 0; pivot < size; pivot++) {
    for (let other = pivot + 1; other < size; other++) {
      const factor = system[other][pivot] / system[pivot][pivot];
      for (let k = pivot; k <= size; k++) system[other][k] -= factor * system[pivot][k];
    }
  }
  const step = new Float64Array(size);
  for (let a = size - 1; a >= 0; a--) {
    let rest = system[a][size];
    for (let k = a + 1; k < size; k++) rest -= system[a][k] * step[k];
    step[a] = rest / system[a][a];
  }
  return step;
}
