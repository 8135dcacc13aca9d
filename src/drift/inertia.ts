import { mean } from 'simple-statistics';
import type { Interval } from '../stats/interval.js';
import { choose, derive, type Random } from '../stats/random.js';
import { cohensD, mannWhitneyTest, meanInterval, welchTest } from '../stats/two-samples.js';

/** Did the marked neurons move less than the others? All tests are one-sided: a small p speaks for inertia. */
export interface Inertia {
  /** Marked neurons and all others. */
  marked: number;
  others: number;
  /** Mean rank of the marked ones, .5 if they are like the others; 1 changed least. */
  meanRank: Interval;
  othersMeanRank: number;
  welch: { t: number; degrees: number; p: number };
  mannWhitney: { u: number; p: number };
  /** Against random sets with as many neurons in each layer: drift differs by layer, and so may H-Neurons. */
  layerMatched: { p: number; sets: number; mean: number; low: number; high: number };
  /** Cohen's d of the ranks, and the chance that a marked neuron ranks above another one. */
  effect: { d: number; superiority: number };
}

const SETS = 10_000;

/**
 * Tests of parameter inertia (method.md section 7).
 * @param ranks `[layers * ffn]` in [0, 1], 1 changed least
 * @param marked flat indices of the H-Neurons, at least two
 */
export function testInertia(
  ranks: Float64Array,
  marked: ArrayLike<number>,
  { ffn, seed, sets = SETS }: { ffn: number; seed: number; sets?: number },
): Inertia {
  const chosen = new Set(Array.from(marked));
  const mine = [...chosen].map((j) => ranks[j]);
  const others = Array.from(ranks).filter((_, j) => !chosen.has(j));
  const welch = welchTest(mine, others);
  const mannWhitney = mannWhitneyTest(mine, others);
  return {
    marked: mine.length,
    others: others.length,
    meanRank: clamped(meanInterval(mine)),
    othersMeanRank: mean(others),
    welch: { t: welch.statistic, degrees: welch.degrees, p: welch.p },
    mannWhitney: { u: mannWhitney.statistic, p: mannWhitney.p },
    layerMatched: layerMatchedTest(ranks, [...chosen], ffn, derive(seed, 'layer-matched'), sets),
    effect: { d: cohensD(mine, others), superiority: mannWhitney.statistic / (mine.length * others.length) },
  };
}

/** How often a random set with as many neurons in each layer has at least the mean rank of the marked one. */
function layerMatchedTest(
  ranks: Float64Array,
  marked: number[],
  ffn: number,
  random: Random,
  sets: number,
): Inertia['layerMatched'] {
  const perLayer = new Map<number, number>();
  for (const j of marked) {
    const layer = Math.floor(j / ffn);
    perLayer.set(layer, (perLayer.get(layer) ?? 0) + 1);
  }
  // Sums in another order may differ in the last bits: a tie must count as reached.
  const observed = mean(marked.map((j) => ranks[j])) - 1e-12;
  const means = new Float64Array(sets);
  let reached = 0;
  for (let set = 0; set < sets; set++) {
    let sum = 0;
    for (const [layer, count] of perLayer) {
      for (const j of choose(random, ffn, count)) sum += ranks[layer * ffn + j];
    }
    means[set] = sum / marked.length;
    if (means[set] >= observed) reached++;
  }
  const sorted = means.sort();
  const at = (share: number) => sorted[Math.min(sets - 1, Math.floor(share * sets))];
  return {
    p: (reached + 1) / (sets + 1),
    sets,
    mean: mean(Array.from(means)),
    low: at(0.025),
    high: at(0.975),
  };
}

function clamped({ estimate, low, high }: Interval): Interval {
  return { estimate, low: Math.max(0, low), high: Math.min(1, high) };
}
