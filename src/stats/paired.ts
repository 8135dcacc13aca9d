import type { Interval } from './interval.js';
import { wilsonInterval } from './wilson.js';

/** How a yes-or-no outcome differs between two conditions, on the same items. */
export interface PairedChange {
  items: number;
  /** Items with yes after only, and before only. */
  gained: number;
  lost: number;
  /** Share after minus share before, with a 95 % interval. */
  change: Interval;
  /** McNemar's test, exact and two-sided: whether as many are gained as lost. */
  p: number;
}

/**
 * Compares two conditions item by item. Interval: Newcombe's method 10 (Stat. Med. 17, 2635, 1998), which joins the Wilson intervals
 * of both shares with regard to their correlation. Test: exact McNemar, that is the sign test of the items that changed.
 */
export function pairedChange(before: readonly boolean[], after: readonly boolean[]): PairedChange {
  const items = before.length;
  const count = (first: boolean, second: boolean) =>
    before.filter((value, i) => value === first && after[i] === second).length;
  const [both, lost, gained, neither] = [
    count(true, true),
    count(true, false),
    count(false, true),
    count(false, false),
  ];
  const earlier = wilsonInterval(both + lost, items);
  const later = wilsonInterval(both + gained, items);
  const phi = correlation(both, lost, gained, neither);
  const reach = (a: number, b: number) => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const estimate = items === 0 ? Number.NaN : (gained - lost) / items;
  return {
    items,
    gained,
    lost,
    change: {
      estimate,
      low: Math.max(-1, estimate - reach(later.estimate - later.low, earlier.high - earlier.estimate)),
      high: Math.min(1, estimate + reach(later.high - later.estimate, earlier.estimate - earlier.low)),
    },
    p: signTest(gained, lost),
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

/** Two-sided p that a fair coin falls as unevenly as this or more so. */
function signTest(a: number, b: number): number {
  const total = a + b;
  // In logarithms: .5 to the power of many items is too small a number.
  let term = total * Math.log(0.5);
  let sum = 0;
  for (let k = 0; k <= Math.min(a, b); k++) {
    sum += Math.exp(term);
    term += Math.log((total - k) / (k + 1));
  }
  return Math.min(1, 2 * sum);
}
