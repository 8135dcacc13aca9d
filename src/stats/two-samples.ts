import jstat from 'jstat';
import { mean, sampleVariance } from 'simple-statistics';
import { midranks } from './metrics.js';

const { normal, studentt } = jstat.jStat;

/** A one-sided test of "the first sample is larger". */
export interface OneSidedTest {
  statistic: number;
  p: number;
}

/** Welch's t-test, one-sided. NaN where a sample has fewer than two values or neither varies. */
export function welchTest(a: number[], b: number[]): OneSidedTest & { degrees: number } {
  const [va, vb] = [sampleVariance(a) / a.length, sampleVariance(b) / b.length];
  const statistic = (mean(a) - mean(b)) / Math.sqrt(va + vb);
  const degrees = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  return { statistic, degrees, p: studentt.cdf(-statistic, degrees) };
}

/**
 * Mann-Whitney U test, one-sided, by the normal approximation with corrections for ties and continuity (as scipy's
 * `mannwhitneyu(method="asymptotic")`). `statistic` is U of the first sample.
 */
export function mannWhitneyTest(a: number[], b: number[]): OneSidedTest {
  const all = Float64Array.from([...a, ...b]);
  const ranks = midranks(all);
  const n = all.length;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ranks[i];
  const statistic = sum - (a.length * (a.length + 1)) / 2;
  const ties = new Map<number, number>();
  for (const rank of ranks) ties.set(rank, (ties.get(rank) ?? 0) + 1);
  let tied = 0;
  for (const count of ties.values()) tied += count ** 3 - count;
  const deviation = Math.sqrt(((a.length * b.length) / 12) * (n + 1 - tied / (n * (n - 1))));
  const z = (statistic - (a.length * b.length) / 2 - 0.5) / deviation;
  return { statistic, p: deviation > 0 ? normalTail(z) : 1 };
}

/** Chance that a standard normal is above z, to 1e-9 of itself: `1 - cdf` has no digits left where the tail is thin. */
function normalTail(z: number): number {
  if (z < 3) return normal.cdf(-z, 0, 1);
  let fraction = z;
  for (let k = 60; k > 0; k--) fraction = z + k / fraction;
  return normal.pdf(z, 0, 1) / fraction;
}

/** Cohen's d: difference of the means in units of the pooled standard deviation. */
export function cohensD(a: number[], b: number[]): number {
  const pooled =
    ((a.length - 1) * sampleVariance(a) + (b.length - 1) * sampleVariance(b)) / (a.length + b.length - 2);
  return (mean(a) - mean(b)) / Math.sqrt(pooled);
}

/** Mean with the 95 % interval of Student's t. */
export function meanInterval(values: number[]): { estimate: number; low: number; high: number } {
  const estimate = mean(values);
  if (values.length < 2) return { estimate, low: Number.NaN, high: Number.NaN };
  const half = studentt.inv(0.975, values.length - 1) * Math.sqrt(sampleVariance(values) / values.length);
  return { estimate, low: estimate - half, high: estimate + half };
}
