import type { Platt } from '../stats/calibration.js';

/**
 * Log-odds of the calibrated probability of each score: above 0 exactly when it is above one half. Decisions are taken on this
 * scale, as the raw score of a 3-vs-1 detector leans to label 0, which three quarters of its training rows have.
 */
export function decisionValues(platt: Platt, scores: Float64Array): Float64Array {
  return scores.map((score) => platt.slope * score + platt.intercept);
}
