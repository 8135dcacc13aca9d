/** Whether a text can be read at all, by rules that need no other model. */

const WORDS = /[\p{L}\p{N}]+/gu;
/** A text of fewer words is too short to repeat itself. */
const FEWEST_WORDS = 9;
const LEAST_DISTINCT = 0.5;
const MOST_FOREIGN = 0.5;

/**
 * Share of the runs of three words that are not repeats of earlier ones, in (0, 1]; 1 for a text too short to repeat itself.
 */
export function distinctTrigrams(text: string): number {
  const words = text.toLowerCase().match(WORDS) ?? [];
  if (words.length < FEWEST_WORDS) return 1;
  const runs = new Set<string>();
  for (let i = 0; i + 3 <= words.length; i++) runs.add(words.slice(i, i + 3).join(' '));
  return runs.size / (words.length - 2);
}

/**
 * An output that nobody would call an answer: nothing but blanks and marks, a character or word said over and over, the same words again
 * and again, or mostly letters of a script other than the Latin of the prompts.
 */
export function isDegenerate(text: string): boolean {
  const letters = text.match(/\p{L}/gu) ?? [];
  if (letters.length === 0 && !/\p{N}/u.test(text)) return true;
  if (/(\S)\1{7}/u.test(text) || /(?<![\p{L}\p{N}])([\p{L}\p{N}]+)(?:\W+\1){3}(?![\p{L}\p{N}])/iu.test(text))
    return true;
  const foreign = letters.filter((letter) => !/\p{Script=Latin}/u.test(letter)).length;
  if (letters.length > 0 && foreign / letters.length > MOST_FOREIGN) return true;
  return distinctTrigrams(text) < LEAST_DISTINCT;
}
