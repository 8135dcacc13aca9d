import jstat from 'jstat';

const { binomial } = jstat.jStat;

/** What changed between two states of the same items. */
export interface PairedChange {
  /** Items that are so in the second state only, and in the first only. */
  gained: number;
  lost: number;
  /** Two-sided exact p-value. */
  p: number;
}

/**
 * McNemar's exact test: of the items that changed, is one direction more frequent than chance allows? Binomial with p = 1/2
 * over the changed items, two-sided; 1 when none changed. McNemar, Psychometrika 12 (1947).
 * @throws RangeError when the two are not of the same items
 */
export function mcNemar(before: ArrayLike<boolean>, after: ArrayLike<boolean>): PairedChange {
  if (before.length !== after.length) {
    throw new RangeError(`${before.length} items before, ${after.length} after`);
  }
  let gained = 0;
  let lost = 0;
  for (let i = 0; i < before.length; i++) {
    if (after[i] && !before[i]) gained++;
    if (before[i] && !after[i]) lost++;
  }
  const changed = gained + lost;
  if (changed === 0) return { gained, lost, p: 1 };
  return { gained, lost, p: Math.min(1, 2 * binomial.cdf(Math.min(gained, lost), changed, 0.5)) };
}
