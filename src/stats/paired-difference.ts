import type { Interval } from './interval.js';
import { wilsonInterval } from './wilson.js';

/**
 * How far the share of yes in one condition lies above that in another, on the same items, with a 95 % interval: Newcombe's method 10
 * (Stat. Med. 17, 2635, 1998), which joins the Wilson intervals of both shares with regard to their correlation. NaN without items.
 */
export function pairedDifference(before: ArrayLike<boolean>, after: ArrayLike<boolean>): Interval {
  const total = before.length;
  const count = (first: boolean, second: boolean) =>
    Array.from(before).filter((value, i) => value === first && after[i] === second).length;
  const [both, lost, gained, neither] = [
    count(true, true),
    count(true, false),
    count(false, true),
    count(false, false),
  ];
  const earlier = wilsonInterval(both + lost, total);
  const later = wilsonInterval(both + gained, total);
  const phi = correlation(both, lost, gained, neither);
  const reach = (a: number, b: number) => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const estimate = total === 0 ? Number.NaN : (gained - lost) / total;
  return {
    estimate,
    low: Math.max(-1, estimate - reach(later.estimate - later.low, earlier.high - earlier.estimate)),
    high: Math.min(1, estimate + reach(later.high - later.estimate, earlier.estimate - earlier.low)),
  };
}

/** The fourfold correlation with Newcombe's continuity correction; 0 where a share is 0 or 1. */
function correlation(both: number, lost: number, gained: number, neither: number): number {
  const total = both + lost + gained + neither;
  const product = (both + lost) * (gained + neither) * (both + gained) * (lost + neither);
  if (product === 0) return 0;
  const difference = both * neither - lost * gained;
  return (difference > 0 ? Math.max(0, difference - total / 2) : difference) / Math.sqrt(product);
}
