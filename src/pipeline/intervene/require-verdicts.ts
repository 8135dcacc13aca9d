import { UserError } from '../../errors.js';
import type { Benchmark } from '../../intervene/types.js';
import { type Reading, usableItems } from './curves.js';

/**
 * Checks that at least one item of a benchmark, its twins aside, has a verdict in all of some readings.
 * @param judge its name, for the message
 * @throws UserError where there is none, so that nothing can be said
 */
export function requireVerdicts(
  { name, items }: Pick<Benchmark, 'name' | 'items'>,
  judge: string,
  readings: readonly Reading[],
): void {
  if (usableItems(readings).some((i) => !items[i].twin)) return;
  throw noVerdicts(name, judge);
}

/** What to say where a judge's verdicts are too few for a figure. */
export function noVerdicts(benchmark: string, judge: string): UserError {
  return new UserError(
    `${benchmark}: no item has a usable verdict of the judge ${judge} at every alpha; choose another with --judge ` +
      '(the answers of the model are kept and not asked for again)',
  );
}
