/** Maximum length of a question or prompt in a file, in characters. */
export const MAX_QUESTION = 1 << 20;

/** Maximum length of an answer or response in a file, in characters; the work of finding and judging answers grows faster than it. */
export const MAX_RESPONSE = 100_000;

/** What is wrong with a longer text. */
export function tooLong(limit: number): string {
  return `is longer than ${limit.toLocaleString('en-US')} characters`;
}
