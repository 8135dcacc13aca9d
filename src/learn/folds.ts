import { UserError } from '../errors.js';
import { derive, shuffle } from '../stats/random.js';

/**
 * A fold in [0, folds) for each row. Rows of one group (a question) share a fold, and every fold gets its share of each stratum
 * (relation and label); a group whose rows are of several strata counts as a stratum of their combination. The same seed gives
 * the same folds. Throws a UserError when there are fewer groups than folds.
 */
export function assignFolds(options: {
  /** For each row. */
  groups: ArrayLike<string>;
  strata: ArrayLike<string>;
  folds: number;
  seed: number;
}): Uint8Array {
  const { groups, strata, folds, seed } = options;
  const strataOf = new Map<string, Set<string>>();
  for (let i = 0; i < groups.length; i++) {
    const known = strataOf.get(groups[i]);
    if (known) known.add(strata[i]);
    else strataOf.set(groups[i], new Set([strata[i]]));
  }
  if (strataOf.size < folds) {
    throw new UserError(
      `${strataOf.size} questions are too few for ${folds} folds; collect more or take fewer folds`,
    );
  }
  const members = new Map<string, string[]>();
  for (const [group, set] of strataOf) {
    const stratum = JSON.stringify([...set].sort());
    const list = members.get(stratum);
    if (list) list.push(group);
    else members.set(stratum, [group]);
  }
  // Dealing goes on where the stratum before ended: the folds are of one size, also with many small strata.
  const foldOf = new Map<string, number>();
  for (const stratum of [...members.keys()].sort()) {
    const shuffled = shuffle(derive(seed, 'folds', stratum), members.get(stratum)!);
    for (const group of shuffled) foldOf.set(group, foldOf.size % folds);
  }
  return Uint8Array.from({ length: groups.length }, (_, i) => foldOf.get(groups[i])!);
}
