import { ascending, type Statistic } from './metrics.js';

/** A point of the risk-coverage curve: answering only the `coverage` least risky of all, `error` of the given answers are wrong. */
export interface CoveragePoint {
  /** Share of the answers that are given. */
  coverage: number;
  /** Share of the given answers that are wrong. */
  error: number;
}

/**
 * The risk-coverage curve of selective prediction (El-Yaniv & Wiener, JMLR 11, 2010): answers are given in the order of their
 * risk, the least risky first. One point for each number of given answers; among tied risks the order is random, and the point
 * is what is expected of that.
 *
 * @param labels 1 for each wrong answer
 */
export function coverageCurve(risks: ArrayLike<number>, labels: ArrayLike<number>): CoveragePoint[] {
  const points: CoveragePoint[] = [];
  const weights = new Uint8Array(risks.length).fill(1);
  walk(ascending(risks), risks, labels, weights, (given, wrong) => {
    points.push({ coverage: given / risks.length, error: wrong / given });
  });
  return points;
}

/**
 * Area under the risk-coverage curve (AURC; Geifman, Uziel & El-Yaniv, ICLR 2019) as a function of sample weights: the mean of
 * {@link CoveragePoint.error} over all numbers of given answers. Lower is better; a risk that says nothing has the share of wrong
 * answers as its area. NaN without weight.
 */
export function aurcStatistic(risks: ArrayLike<number>, labels: ArrayLike<number>): Statistic {
  const order = ascending(risks);
  return (weights) => {
    let sum = 0;
    let total = 0;
    walk(order, risks, labels, weights, (given, wrong) => {
      sum += wrong / given;
      total = given;
    });
    return sum / total;
  };
}

/** {@link aurcStatistic} with weights 1. */
export function aurc(risks: ArrayLike<number>, labels: ArrayLike<number>): number {
  return aurcStatistic(risks, labels)(new Uint8Array(risks.length).fill(1));
}

/** The smallest area there can be with this share of wrong answers: all right ones come first. */
export function bestAurc(labels: ArrayLike<number>): number {
  return aurc(labels, labels);
}

/** Tells, for each number of given answers, how many of them are wrong (as expected where risks are tied). */
function walk(
  order: Uint32Array,
  risks: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights: ArrayLike<number>,
  tell: (given: number, wrong: number) => void,
): void {
  let given = 0;
  let wrong = 0;
  for (let at = 0; at < order.length; ) {
    const risk = risks[order[at]];
    let tied = 0;
    let tiedWrong = 0;
    for (; at < order.length && risks[order[at]] === risk; at++) {
      tied += weights[order[at]];
      if (labels[order[at]] === 1) tiedWrong += weights[order[at]];
    }
    for (let j = 1; j <= tied; j++) tell(given + j, wrong + (tiedWrong * j) / tied);
    given += tied;
    wrong += tiedWrong;
  }
}
