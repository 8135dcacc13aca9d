import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';

/** Which of two words a model would begin its answer with, whatever else it would rather say. */
export interface Chooser {
  /** log p of each word as the beginning of an answer, the sum over its spellings. */
  logProbabilities(prompt: Int32Array): Promise<[first: number, second: number]>;
}

/**
 * Compares words by the probability of their first tokens, over their spellings with and without a space or a capital. Tokens
 * that both words begin with do not count.
 * @throws UserError for a tokenizer in which both words begin with the same token in every spelling
 */
export async function makeChooser(engine: Engine, words: readonly [string, string]): Promise<Chooser> {
  const spellings = (word: string) => {
    const capital = word[0].toUpperCase() + word.slice(1);
    return [word, ` ${word}`, capital, ` ${capital}`];
  };
  const firstTokens = async (word: string) => {
    const tokens = await engine.tokenize(spellings(word), { special: false, bos: false });
    return new Set(tokens.map((list) => list[0]));
  };
  const [first, second] = [await firstTokens(words[0]), await firstTokens(words[1])];
  const own = [first, second].map((tokens, i) => {
    const other = i === 0 ? second : first;
    return [...tokens].filter((token) => !other.has(token));
  });
  if (own.some((tokens) => tokens.length === 0)) {
    throw new UserError(
      `the tokenizer of ${engine.model.name} cannot tell "${words[0]}" from "${words[1]}" by one token: choose another judge`,
    );
  }
  return {
    async logProbabilities(prompt) {
      const logits = await engine.logits(prompt);
      const total = logSumExp(logits);
      const [a, b] = own.map((tokens) => logSumExp(tokens.map((token) => logits[token])) - total);
      return [a, b];
    },
  };
}

function logSumExp(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i]);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i] - most);
  return most + Math.log(sum);
}
