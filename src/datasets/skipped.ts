/** Rows of a set that cannot be used: counted by what is wrong with them, so that nothing is dropped silently. */
export interface Skipped {
  add(reason: string, where: string): void;
  /** One line for each reason. */
  notes(name: string): string[];
}

/** More reasons than these are counted together. */
const NAMED_REASONS = 5;

export function countSkipped(): Skipped {
  const reasons = new Map<string, { count: number; first: string }>();
  return {
    add(reason, where) {
      // Ids and texts in quotation marks differ from row to row.
      const key = reason.replace(/(?<=id )"[^"]*"|(?<=used in).*/g, '…');
      const seen = reasons.get(key);
      if (seen) seen.count++;
      else reasons.set(key, { count: 1, first: where });
    },
    notes(name) {
      const all = [...reasons].sort(([, a], [, b]) => b.count - a.count);
      const lines = all
        .slice(0, NAMED_REASONS)
        .map(
          ([reason, { count, first }]) => `${name}: ${count} left out: ${reason} (the first is ${first}).`,
        );
      const rest = all.slice(NAMED_REASONS).reduce((sum, [, { count }]) => sum + count, 0);
      return rest > 0 ? [...lines, `${name}: ${rest} more left out for other reasons.`] : lines;
    },
  };
}
