import type { Verdict } from '../judge/rule.js';
import type { Wanted } from './classify.js';
import type { ResponseSample } from './responses.js';
import type { Split } from './split.js';

/**
 * Balances the classes within each relation and split: as many faithful as hallucinated ones, so that the topic
 * carries no signal. Of the larger class the first ones are kept. The order stays.
 */
export function matchClasses<T extends { relation: string; split: Split; class: Wanted }>(items: T[]): T[] {
  const counts = new Map<string, Record<Wanted, number>>();
  const key = (item: T) => `${item.split}\n${item.relation}`;
  for (const item of items) {
    const cell = counts.get(key(item)) ?? { faithful: 0, hallucinated: 0 };
    cell[item.class]++;
    counts.set(key(item), cell);
  }
  for (const cell of counts.values()) {
    const pairs = Math.min(cell.faithful, cell.hallucinated);
    cell.faithful = pairs;
    cell.hallucinated = pairs;
  }
  return items.filter((item) => counts.get(key(item))![item.class]-- > 0);
}

/**
 * The response that stands for a question: the most frequent one among those that agree with its class, the first of
 * them in a tie. Only white space at the ends makes no difference. What the tokenizer cannot spell does not count.
 */
export function mostFrequent<T extends Pick<ResponseSample, 'text' | 'verdict' | 'unreadable'>>(
  samples: T[],
  kind: Wanted,
): T | undefined {
  const wanted: Verdict = kind === 'faithful' ? 'correct' : 'wrong';
  const counts = new Map<string, { sample: T; count: number }>();
  for (const sample of samples) {
    if (sample.verdict !== wanted || sample.unreadable) continue;
    const entry = counts.get(sample.text.trim());
    if (entry) entry.count++;
    else counts.set(sample.text.trim(), { sample, count: 1 });
  }
  let best: { sample: T; count: number } | undefined;
  for (const entry of counts.values()) if (best === undefined || entry.count > best.count) best = entry;
  return best?.sample;
}
