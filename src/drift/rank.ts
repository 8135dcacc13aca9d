import { midranks } from '../stats/metrics.js';

/** `(x - mean) / sd` over all neurons; all zero where nothing differs. */
export function zScores(values: Float64Array): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  const deviation = Math.sqrt(squares / values.length);
  return values.map((value) => (deviation > 0 ? (value - mean) / deviation : 0));
}

/**
 * The paper's inertia rank (method.md section 7): drift of W_up and of W_down, each z-scored over all neurons, averaged,
 * and ranked. 0: changed most; 1: changed least; ties share the mean of their ranks.
 * @param drifts of each kind of matrix, one value a neuron
 */
export function inertiaRanks(drifts: Float64Array[]): { score: Float64Array; rank: Float64Array } {
  const score = meanScore(drifts);
  return { score, rank: ranksOf(score) };
}

/** The mean of the z-scores of several lists of one length. */
export function meanScore(lists: Float64Array[]): Float64Array {
  const scores = lists.map(zScores);
  return scores[0].map((_, j) => scores.reduce((sum, score) => sum + score[j], 0) / scores.length);
}

/** Ranks in [0, 1] by descending score: 0 for the largest. */
export function ranksOf(score: Float64Array): Float64Array {
  const last = Math.max(1, score.length - 1);
  return midranks(score).map((rank) => (score.length - rank) / last);
}
