import { type Interval, Z95 } from './interval.js';

/**
 * Wilson's 95 % score interval of a proportion: `successes` of `total`. Unlike the bootstrap it stays honest at
 * 0 and 100 %. Wilson, J. Am. Stat. Assoc. 22 (1927). Without trials: estimate NaN, interval [0, 1].
 */
export function wilsonInterval(successes: number, total: number): Interval {
  if (total === 0) return { estimate: Number.NaN, low: 0, high: 1 };
  const share = successes / total;
  const z2 = Z95 * Z95;
  const centre = (share + z2 / (2 * total)) / (1 + z2 / total);
  const reach =
    (Z95 / (1 + z2 / total)) * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total * total));
  // At the ends the formula is exact up to rounding; keep rounding from leaving the estimate outside.
  return {
    estimate: share,
    low: successes === 0 ? 0 : Math.max(0, centre - reach),
    high: successes === total ? 1 : Math.min(1, centre + reach),
  };
}
