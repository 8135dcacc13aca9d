import { capital } from '../format.js';
import type { TableRow } from './schema.js';

type Measured = TableRow & { figures: NonNullable<TableRow['figures']> };

/** What a row's intervals say: the detector's AUROC is above, below, or cannot be told from that of something else. */
export type Standing = 'above' | 'below' | 'level';

export function standing({ low, high }: { low: number; high: number }): Standing {
  return low > 0 ? 'above' : high < 0 ? 'below' : 'level';
}

/**
 * The rows in one sentence: where the detector beats random neurons and where it does not, where the model's own
 * log-probability does better, and where there are too few answers. Goes by the 95 % intervals of the differences in AUROC.
 */
export function summarise(rows: readonly TableRow[]): string {
  const measured = rows.filter((row): row is Measured => row.figures !== null);
  const few = rows.filter((row) => row.figures === null);
  const parts: string[] = [];
  if (measured.length === 0) return `Nothing can be said: too few answers of both classes on ${list(few)}.`;

  const controlled = measured.filter(({ figures }) => figures.random);
  const by = (wanted: Standing) =>
    controlled.filter(({ figures }) => standing(figures.random!.difference.auroc) === wanted);
  if (controlled.length === 0) parts.push('there are no random neurons to compare with');
  else {
    const ahead = by('above');
    const behind = [...by('level'), ...by('below')];
    if (behind.length === 0) parts.push(`the detector beats as many random neurons on ${list(ahead)}`);
    else if (ahead.length === 0) {
      parts.push(`the detector does not beat as many random neurons on ${list(behind)}`);
    } else {
      parts.push(`the detector beats as many random neurons on ${list(ahead)}, but not on ${list(behind)}`);
    }
  }

  const against = (wanted: Standing) =>
    measured.filter(({ figures }) => standing(figures.logProbability.difference) === wanted);
  const words: string[] = [];
  if (against('below').length > 0) words.push(`better on ${list(against('below'))}`);
  if (against('level').length > 0) words.push(`about as well on ${list(against('level'))}`);
  if (against('above').length > 0) words.push(`worse on ${list(against('above'))}`);
  parts.push(`the model's own log-probability, without a look at any neuron, does ${listed(words)}`);
  if (few.length > 0) parts.push(`too few answers to tell on ${list(few)}`);
  return `${capital(parts.join('; '))}.`;
}

const list = (rows: readonly TableRow[]) => listed(rows.map(({ name }) => name));

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}
