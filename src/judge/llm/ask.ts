import type { JudgeCounts } from '../types.js';
import { type AnswerCache, contentKey } from './answer-cache.js';
import type { LlmPrompt } from './prompt.js';

/** So often is an item put to an LLM before it is left out. */
export const ATTEMPTS = 3;

/** An LLM that answers many items, in whatever order it likes. */
export interface Answerer<Item, Answer> {
  /** As verdicts name it. */
  name: string;
  /** What its answers depend on besides prompt and item. */
  identity: unknown;
  prompt: LlmPrompt<Item, Answer>;
  /**
   * Asks about each item once. `attempt` counts from 0; further ones should vary.
   * @param onAnswer called as answers come, with the item's place; with undefined where none could be had
   */
  answer(
    items: readonly Item[],
    attempt: number,
    onAnswer: (index: number, raw: string | undefined) => void,
  ): Promise<void>;
  close(): Promise<void>;
}

export interface Answered<Answer> {
  /** Undefined: no usable answer, also when asked again. */
  answer?: Answer;
  /** The last thing that was said. */
  raw?: string;
}

export function newCounts(): JudgeCounts {
  return { asked: 0, cached: 0, nonsense: 0, failed: 0 };
}

/**
 * Puts items to an LLM: those with the same content once, those that the cache knows not at all, and those with a nonsense answer
 * again, {@link ATTEMPTS} times at most. Nonsense is cached as well, as it was paid for like any other answer.
 *
 * @param content all that decides an item's answer
 */
export async function askAll<Item, Answer>(
  items: readonly Item[],
  answerer: Answerer<Item, Answer>,
  options: {
    cache: AnswerCache;
    counts: JudgeCounts;
    content(item: Item): unknown;
    onProgress?: (done: number) => void;
  },
): Promise<Answered<Answer>[]> {
  const { cache, counts, content, onProgress } = options;
  const { prompt, identity } = answerer;
  const keys = items.map((item) => contentKey(identity, prompt.version, content(item)));
  const places = new Map<string, number[]>();
  keys.forEach((key, i) => {
    const same = places.get(key);
    if (same) same.push(i);
    else places.set(key, [i]);
  });

  const results: Answered<Answer>[] = items.map(() => ({}));
  let done = 0;
  const settle = (key: string, result: Answered<Answer>) => {
    const same = places.get(key)!;
    for (const i of same) results[i] = result;
    done += same.length;
    if (result.answer === undefined) counts.failed += same.length;
    onProgress?.(done);
  };
  /** Takes an answer; true when the item is done with. */
  const take = (key: string, raw: string, attempt: number): boolean => {
    const answer = prompt.parse(raw, items[places.get(key)![0]]);
    if (answer === undefined) counts.nonsense++;
    if (answer === undefined && attempt + 1 < ATTEMPTS) return false;
    settle(key, { answer, raw });
    return true;
  };

  let open = [...places.keys()];
  for (let attempt = 0; attempt < ATTEMPTS && open.length > 0; attempt++) {
    const next = new Set<string>();
    const asked = open.filter((key) => {
      const raw = cache.get(key, attempt);
      if (raw === undefined) return true;
      counts.cached++;
      if (!take(key, raw, attempt)) next.add(key);
      return false;
    });
    if (asked.length > 0) {
      await answerer.answer(
        asked.map((key) => items[places.get(key)![0]]),
        attempt,
        (index, raw) => {
          const key = asked[index];
          if (raw === undefined) return settle(key, {});
          counts.asked++;
          cache.put(key, attempt, raw);
          if (!take(key, raw, attempt)) next.add(key);
        },
      );
    }
    open = [...next];
  }
  return results;
}
