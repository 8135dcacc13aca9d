import { bootstrapInterval } from './bootstrap.js';
import type { Interval } from './interval.js';
import type { Random } from './random.js';
import { wilsonInterval } from './wilson.js';

/** How often two judges gave each pair of verdicts: `table[i][j]`, category i by the first, j by the second. */
export type Confusion = number[][];

/** Counts pairs of categories, numbers below `categories`; `weights[i]` says how often pair i counts (default: once). */
export function confusion(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  categories: number,
  weights?: ArrayLike<number>,
): Confusion {
  const table = Array.from({ length: categories }, () => new Array<number>(categories).fill(0));
  for (let i = 0; i < first.length; i++) table[first[i]][second[i]] += weights?.[i] ?? 1;
  return table;
}

/**
 * Cohen's kappa: agreement beyond chance, (p_o - p_e) / (1 - p_e). Cohen, Educ. Psychol. Meas. 20 (1960). NaN for an empty table,
 * and when chance alone explains everything (both judges gave one and the same verdict throughout).
 */
export function cohenKappa(table: Confusion): number {
  const { observed, expected } = agreement(table);
  return (observed - expected) / (1 - expected);
}

/** The part of equal verdicts, and the part that chance would give. */
function agreement(table: Confusion): { observed: number; expected: number; total: number } {
  let total = 0;
  let equal = 0;
  const rows = table.map(() => 0);
  const columns = table.map(() => 0);
  table.forEach((row, i) => {
    row.forEach((count, j) => {
      total += count;
      rows[i] += count;
      columns[j] += count;
      if (i === j) equal += count;
    });
  });
  const chance = rows.reduce((sum, count, i) => sum + count * columns[i], 0);
  return { observed: equal / total, expected: chance / total ** 2, total };
}

/**
 * Cohen's kappa with its 95 % interval: bootstrap over questions, as the samples of one question are alike. Where the judges agree
 * throughout, and the bootstrap is therefore blind, the interval comes from Wilson's for the agreement, at the chance
 * agreement that was seen.
 * @param groups number of the question that each pair belongs to
 */
export function kappaInterval(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  categories: number,
  groups: ArrayLike<number>,
  random: Random,
): Interval {
  const interval = bootstrapInterval(
    first.length,
    (weights) => cohenKappa(confusion(first, second, categories, weights)),
    random,
    { groups },
  );
  if (interval.low !== interval.high) return interval;
  const { observed, expected, total } = agreement(confusion(first, second, categories));
  const { low, high } = wilsonInterval(Math.round(observed * total), total);
  const scale = (share: number) => (share - expected) / (1 - expected);
  return { estimate: interval.estimate, low: scale(low), high: scale(high) };
}
