import type { TokenSpan } from '../pipeline/token-spans.js';

/**
 * Where tokens lie in a text, from what each adds to it as they come: a token that ends within a character adds nothing, and
 * the character belongs to it and to the one that completes it, as in `token-spans.ts`.
 * @param leftOut UTF-16 units of white space that each token would have added at the beginning of the text: a token that is nothing
 *   else lies nowhere
 */
export function spansOfTexts(texts: readonly string[], leftOut: readonly number[] = []): TokenSpan[] {
  const spans: TokenSpan[] = [];
  const lengths = texts.map((text, at) => text.length + (leftOut[at] ?? 0));
  const length = lengths.reduce((sum, one) => sum + one, 0);
  const moved = leftOut.reduce((sum, one) => sum + one, 0);
  const place = (at: number) => Math.max(0, Math.min(length, at) - moved);
  let at = 0;
  for (const one of lengths) {
    spans.push({ start: place(at), end: place(at + Math.max(1, one)) });
    at += one;
  }
  return spans;
}
