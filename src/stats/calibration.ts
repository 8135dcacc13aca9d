/** Platt scaling: probability = 1 / (1 + exp(-(slope * score + intercept))). */
export interface Platt {
  slope: number;
  intercept: number;
}

/** A bin of the reliability diagram. */
export interface ReliabilityBin {
  low: number;
  high: number;
  samples: number;
  /** Mean probability that the detector stated for the samples of the bin. */
  stated: number;
  /** Share of them that was hallucinated. */
  observed: number;
}

export interface CalibrationFigures {
  /** Mean squared error of the probabilities; .25 for always saying one half. */
  brier: number;
  /** Expected calibration error: mean |stated - observed| over the bins, weighted by their samples. */
  ece: number;
  bins: ReliabilityBin[];
}

/** The probability that a score stands for, without overflow at either end. */
export function plattProbability(platt: Platt, score: number): number {
  const x = platt.slope * score + platt.intercept;
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

/**
 * Fits Platt's sigmoid to scores that the detector gave to samples it was not fitted on (out-of-fold scores of the
 * training half; never the test half). The targets are Platt's (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), so that perfectly
 * separated scores still have a finite optimum. Newton's method with step halving, after Lin, Lin and Weng,
 * Machine Learning 68 (2007).
 */
export function fitPlatt(scores: ArrayLike<number>, labels: ArrayLike<number>): Platt {
  let positives = 0;
  for (let i = 0; i < labels.length; i++) positives += labels[i];
  const negatives = labels.length - positives;
  const targets = Float64Array.from(labels, (label) =>
    label === 1 ? (positives + 1) / (positives + 2) : 1 / (negatives + 2),
  );
  let platt: Platt = { slope: 0, intercept: Math.log((positives + 1) / (negatives + 1)) };
  let loss = crossEntropy(platt, scores, targets);
  for (let iteration = 0; iteration < 100; iteration++) {
    let gradientSlope = 0;
    let gradientIntercept = 0;
    // A small ridge keeps the system solvable when all scores are equal.
    let h11 = 1e-12;
    let h22 = 1e-12;
    let h12 = 0;
    for (let i = 0; i < scores.length; i++) {
      const probability = plattProbability(platt, scores[i]);
      const error = probability - targets[i];
      const curvature = probability * (1 - probability);
      gradientSlope += error * scores[i];
      gradientIntercept += error;
      h11 += curvature * scores[i] * scores[i];
      h12 += curvature * scores[i];
      h22 += curvature;
    }
    if (Math.abs(gradientSlope) < 1e-10 && Math.abs(gradientIntercept) < 1e-10) break;
    const determinant = h11 * h22 - h12 * h12;
    const stepSlope = (h12 * gradientIntercept - h22 * gradientSlope) / determinant;
    const stepIntercept = (h12 * gradientSlope - h11 * gradientIntercept) / determinant;
    let improved = false;
    for (let scale = 1; scale > 1e-10 && !improved; scale /= 2) {
      const next = {
        slope: platt.slope + scale * stepSlope,
        intercept: platt.intercept + scale * stepIntercept,
      };
      const nextLoss = crossEntropy(next, scores, targets);
      if (nextLoss < loss) {
        platt = next;
        loss = nextLoss;
        improved = true;
      }
    }
    if (!improved) break;
  }
  return platt;
}

function crossEntropy(platt: Platt, scores: ArrayLike<number>, targets: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const x = platt.slope * scores[i] + platt.intercept;
    sum += Math.max(x, 0) - targets[i] * x + Math.log1p(Math.exp(-Math.abs(x)));
  }
  return sum;
}

/** Brier score, expected calibration error and the filled ones of `bins` equally wide reliability bins. */
export function calibrationFigures(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins = 10,
): CalibrationFigures {
  const samples = new Uint32Array(bins);
  const stated = new Float64Array(bins);
  const observed = new Float64Array(bins);
  let squares = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const bin = Math.min(bins - 1, Math.floor(probabilities[i] * bins));
    samples[bin]++;
    stated[bin] += probabilities[i];
    observed[bin] += labels[i];
    squares += (probabilities[i] - labels[i]) ** 2;
  }
  const filled: ReliabilityBin[] = [];
  let gaps = 0;
  for (let bin = 0; bin < bins; bin++) {
    if (samples[bin] === 0) continue;
    gaps += Math.abs(stated[bin] - observed[bin]);
    filled.push({
      low: bin / bins,
      high: (bin + 1) / bins,
      samples: samples[bin],
      stated: stated[bin] / samples[bin],
      observed: observed[bin] / samples[bin],
    });
  }
  return { brier: squares / probabilities.length, ece: gaps / probabilities.length, bins: filled };
}
