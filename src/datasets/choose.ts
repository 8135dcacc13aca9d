import { createHash } from 'node:crypto';
import type { Question } from '../questions/types.js';

/** Takes questions one by one and keeps a seeded choice of them. */
export interface Chooser {
  add(question: Question): void;
  /** The chosen ones in the order in which they came. */
  chosen(): Question[];
}

interface Ranked {
  question: Question;
  order: number;
  rank: string;
}

/**
 * A choice of `limit` questions, as many of each split as the others leave room for; all when there is no limit. Whether a
 * question is chosen depends on seed and id, not on the order, and a smaller limit gives a part of a larger one. At most about twice
 * `limit` questions of each split are held at a time.
 */
export function createChooser(limit: number | undefined, seed: number): Chooser {
  const splits = new Map<string, Ranked[]>();
  let count = 0;
  const best = (list: Ranked[]) => list.sort((a, b) => (a.rank < b.rank ? -1 : 1)).slice(0, limit);
  return {
    add(question) {
      const key = question.split ?? '';
      const rank = limit === undefined ? '' : hash(seed, question.id);
      const list = splits.get(key) ?? [];
      list.push({ question, order: count++, rank });
      splits.set(key, limit !== undefined && list.length > 2 * limit + 1000 ? best(list) : list);
    },
    chosen() {
      const lists = [...splits.values()];
      const taken = limit === undefined ? lists.flat() : takeTurns(lists.map(best), limit);
      return taken.sort((a, b) => a.order - b.order).map(({ question }) => question);
    },
  };
}

function takeTurns<T>(lists: T[][], limit: number): T[] {
  const taken: T[] = [];
  for (let turn = 0; taken.length < limit && lists.some((list) => turn < list.length); turn++) {
    for (const list of lists) if (turn < list.length && taken.length < limit) taken.push(list[turn]);
  }
  return taken;
}

function hash(seed: number, id: string): string {
  return createHash('sha256')
    .update(JSON.stringify([seed, 'limit', id]))
    .digest('base64')
    .slice(0, 16);
}
