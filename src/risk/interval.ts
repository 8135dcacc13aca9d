import { type Detector, detectorProbability } from '../pipeline/detector.js';
import { wilsonInterval } from '../stats/wilson.js';

/** Answers that the detector was not trained on, with what they turned out to be; by ascending score. */
export interface HeldOutAnswers {
  scores: Float64Array;
  /** 1: hallucinated. */
  labels: Uint8Array;
}

/** Fewer neighbours than this say nothing; more than this are not alike any more. */
const FEWEST = 20;
const MOST = 200;

/** How many held-out answers stand for one score: 2.5 times the root of all there are, so both spread and bias shrink as there are more. */
export function neighbours(total: number): number {
  return Math.min(total, Math.max(FEWEST, Math.min(MOST, Math.round(2.5 * Math.sqrt(total)))));
}

/**
 * 95 % interval of the probability that an answer with this score is hallucinated.
 *
 * With held-out answers: of those with the most similar scores (see {@link neighbours}), the share that was hallucinated, with
 * Wilson's interval, widened to hold the calibrated probability itself. It thus says two things: how few answers
 * the calibration rests on around here, and how far it is off.
 *
 * Without them only the width is known: Wilson's interval of a share that equals the calibrated probability, among as many
 * answers as would have been taken from the ones that the calibration was fitted to.
 *
 * Both hold for answers like those of the run (short, half of them made up); neither knows how far another kind of question is off.
 */
export function probabilityInterval(
  detector: Detector,
  score: number,
  heldOut?: HeldOutAnswers,
): [low: number, high: number] {
  const probability = detectorProbability(detector, score);
  if (!heldOut || heldOut.scores.length < FEWEST) {
    const count = Math.max(1, neighbours(detector.training.samples));
    const { low, high } = wilsonInterval(probability * count, count);
    return [Math.min(low, probability), Math.max(high, probability)];
  }
  const [from, to] = nearest(heldOut.scores, score, neighbours(heldOut.scores.length));
  let hallucinated = 0;
  for (let i = from; i < to; i++) hallucinated += heldOut.labels[i];
  const { low, high } = wilsonInterval(hallucinated, to - from);
  return [Math.min(low, probability), Math.max(high, probability)];
}

/** The `count` values nearest to `value` in a sorted list, as a range `[from, to)`. */
export function nearest(sorted: Float64Array, value: number, count: number): [from: number, to: number] {
  let to = 0;
  let above = sorted.length;
  while (to < above) {
    const middle = (to + above) >> 1;
    if (sorted[middle] < value) to = middle + 1;
    else above = middle;
  }
  let from = to;
  while (to - from < count && (from > 0 || to < sorted.length)) {
    if (to === sorted.length || (from > 0 && value - sorted[from - 1] <= sorted[to] - value)) from--;
    else to++;
  }
  return [from, to];
}
