import type { Report } from './schema.js';

/**
 * The other values of C whose figure, that by which C was chosen, lies within one standard error of the chosen one's: the data do
 * not tell them apart. The error is that of independent shares, sqrt(a (1 - a) / answers + s (1 - s) / questions), with the
 * accuracy a on the held-out answers and the share s of known questions that are still answered.
 */
export function asGood({ grid, chosen, score, rows, mode }: Report['training']): number[] {
  const best = grid.find(({ C }) => C === chosen);
  if (!best) return [];
  // With 3-vs-1 each answer has a second row: that of the tokens around it.
  const answers = mode === '3-vs-1' ? rows / 2 : rows;
  const value = ({ accuracy, suppressed = 0 }: typeof best) => accuracy + (score ? suppressed : 0);
  const variance = (share: number, count: number) => (share * (1 - share)) / count;
  const error = Math.sqrt(
    variance(best.accuracy, answers) + (score ? variance(best.suppressed ?? 0, score.questions) : 0),
  );
  return grid.filter((point) => point !== best && value(point) >= value(best) - error).map(({ C }) => C);
}

/** What readers should know of the choice: "C = 10 and 30 are as good …", or nothing. */
export function describeAsGood(training: Report['training']): string | undefined {
  const others = asGood(training);
  if (others.length === 0) return undefined;
  const list = new Intl.ListFormat('en', { type: 'conjunction' }).format(others.map(String));
  return `C = ${list} ${others.length > 1 ? 'are' : 'is'} as good within one standard error, with other neurons`;
}
