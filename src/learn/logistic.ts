/**
 * The loss of one fit: sum_i C_i log(1 + exp(-y_i z_i)) with y_i in {-1, +1}, z the margins X w + b, and C_i = 0 for the rows
 * that are left out (held-out folds).
 */
export interface LogisticLoss {
  y: Float64Array;
  costs: Float64Array;
  /** The largest C_i. */
  largestCost: number;
}

/**
 * How much the rows of a class count. `balanced`: n / (2 n_c) times C for each of the n_c rows of a class among the n that take
 * part, so that both classes count the same in all (scikit-learn's rule). Default: C for every row.
 */
export type ClassWeights = 'balanced';

/**
 * The loss at C over the rows that `used` marks, each counted so many times (a row drawn twice in a resample: 2); label 1 is y = +1.
 * Rows of both labels must be among them.
 */
export function lossOf(
  labels: Uint8Array,
  used: Uint8Array,
  C: number,
  classWeights?: ClassWeights,
): LogisticLoss {
  const counts = [0, 0];
  labels.forEach((label, i) => {
    counts[label] += used[i];
  });
  const ofClass = counts.map((count) =>
    classWeights === 'balanced' ? (C * (counts[0] + counts[1])) / (2 * count) : C,
  );
  return {
    y: Float64Array.from(labels, (label) => (label === 1 ? 1 : -1)),
    costs: Float64Array.from(labels, (label, i) => used[i] * ofClass[label]),
    largestCost: Math.max(...ofClass) * used.reduce((most, count) => Math.max(most, count), 0),
  };
}

/** log(1 + exp(-m)) without overflow. */
export function logLoss(m: number): number {
  return m > 0 ? Math.log1p(Math.exp(-m)) : Math.log1p(Math.exp(m)) - m;
}

/** 1 / (1 + exp(m)), with full relative accuracy for large m. */
function falling(m: number): number {
  if (m < 0) return 1 / (1 + Math.exp(m));
  const e = Math.exp(-m);
  return e / (1 + e);
}

export function lossAt({ y, costs }: LogisticLoss, z: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) if (costs[i] > 0) sum += costs[i] * logLoss(y[i] * z[i]);
  return sum;
}

/** r_i = C_i y_i sigma(-y_i z_i), minus the derivative of the loss by z_i. */
export function residuals({ y, costs }: LogisticLoss, z: Float64Array, r: Float64Array): void {
  for (let i = 0; i < y.length; i++) r[i] = costs[i] > 0 ? costs[i] * y[i] * falling(y[i] * z[i]) : 0;
}

/** Second derivatives by z_i, kept off zero so that a badly misjudged row still has some curvature. */
export function curvatures({ y, costs }: LogisticLoss, r: Float64Array, d: Float64Array): void {
  for (let i = 0; i < y.length; i++) {
    if (costs[i] === 0) {
      d[i] = 0;
      continue;
    }
    const s = (r[i] * y[i]) / costs[i];
    d[i] = costs[i] * Math.max(s * (1 - s), 1e-7);
  }
}

/**
 * The dual objective at scale * r: sum_i C_i entropy(t_i), t_i = scale |r_i| / C_i, entropy(t) = -t log t - (1-t) log(1-t).
 * It is a lower bound of the primal one wherever |x_j . scale r| <= 1 for every column and |sum scale r| <= 1 (the
 * intercept is penalised like a weight). From the convex conjugate of the logistic loss.
 */
export function dualAt({ y, costs }: LogisticLoss, r: Float64Array, scale: number): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) {
    if (costs[i] === 0) continue;
    const t = (scale * r[i] * y[i]) / costs[i];
    if (t > 0) sum -= costs[i] * t * Math.log(t);
    if (t < 1) sum -= costs[i] * (1 - t) * Math.log1p(-t);
  }
  return sum;
}
