import type { Wanted } from '../classify.js';
import { matchClasses } from '../select.js';

export interface Classed {
  relation: string;
  class: Wanted;
}

/** Counts matched samples as they come: as many of each class within each relation. */
export class MatchCounter {
  private readonly cells = new Map<string, Record<Wanted, number>>();
  /** Matched samples of each class so far. */
  matched = 0;

  add({ relation, class: kind }: Classed): void {
    const cell = this.cells.get(relation) ?? { faithful: 0, hallucinated: 0 };
    this.cells.set(relation, cell);
    cell[kind]++;
    const other: Wanted = kind === 'faithful' ? 'hallucinated' : 'faithful';
    if (cell[kind] <= cell[other]) this.matched++;
  }
}

/**
 * The samples of a row: of the shortest beginning of `items` that gives `quota` matched samples of each class (or of all, if
 * none does), as many of each class within each relation. Does not depend on what was asked beyond that beginning.
 */
export function selectMatched<T extends Classed>(items: readonly T[], quota: number): T[] {
  const counter = new MatchCounter();
  let end = 0;
  while (end < items.length && counter.matched < quota) counter.add(items[end++]);
  return matchClasses(
    items.slice(0, end).map((item) => ({ item, split: 'test' as const, ...classOf(item) })),
  ).map(({ item }) => item);
}

const classOf = ({ relation, class: kind }: Classed) => ({ relation, class: kind });
