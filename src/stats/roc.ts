import { max as maximum, mean, min as minimum } from 'simple-statistics';

/** A point of the ROC curve: share of the faithful and of the hallucinated samples above some threshold. */
export interface RocPoint {
  falsePositive: number;
  truePositive: number;
}

/** The range of several ROC curves at one false-positive rate. */
export interface RocBandPoint {
  falsePositive: number;
  low: number;
  mean: number;
  high: number;
}

/**
 * The ROC curve from (0, 0) to (1, 1), threshold falling; tied scores make one slanted step. Points in the middle of a
 * straight stretch are left out, which does not change the curve. Empty when a class is empty.
 */
export function rocPoints(scores: ArrayLike<number>, labels: ArrayLike<number>): RocPoint[] {
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const steps = [{ x: 0, y: 0 }];
  let x = 0;
  let y = 0;
  order.forEach((sample, at) => {
    if (labels[sample] === 1) y++;
    else x++;
    if (at + 1 < order.length && scores[order[at + 1]] === scores[sample]) return;
    const last = steps[steps.length - 1];
    const before = steps[steps.length - 2];
    if (before && (last.x - before.x) * (y - last.y) === (last.y - before.y) * (x - last.x)) steps.pop();
    steps.push({ x, y });
  });
  if (x === 0 || y === 0) return [];
  return steps.map((step) => ({ falsePositive: step.x / x, truePositive: step.y / y }));
}

/** Lowest, mean and highest curve of several, at `points` evenly spaced false-positive rates. */
export function rocBand(curves: RocPoint[][], points = 41): RocBandPoint[] {
  return Array.from({ length: points }, (_, i) => {
    const falsePositive = i / (points - 1);
    const heights = curves.map((curve) => heightAt(curve, falsePositive));
    return { falsePositive, low: minimum(heights), mean: mean(heights), high: maximum(heights) };
  });
}

/** True-positive rate of a curve at a false-positive rate, straight between points; the top of a vertical step. */
function heightAt(curve: RocPoint[], falsePositive: number): number {
  let left = curve[0];
  for (const right of curve) {
    if (right.falsePositive > falsePositive) {
      const share = (falsePositive - left.falsePositive) / (right.falsePositive - left.falsePositive);
      return left.truePositive + share * (right.truePositive - left.truePositive);
    }
    left = right;
  }
  return left.truePositive;
}
