import type { TokenSpan } from '../pipeline/token-spans.js';

/**
 * Where tokens lie in a text, from what each adds to it as they come: a token that ends within a character adds nothing, and
 * the character belongs to it and to the one that completes it, as in `token-spans.ts`.
 */
export function spansOfTexts(texts: readonly string[]): TokenSpan[] {
  const spans: TokenSpan[] = [];
  const length = texts.reduce((sum, text) => sum + text.length, 0);
  let at = 0;
  for (const text of texts) {
    spans.push({ start: at, end: Math.min(length, at + Math.max(1, text.length)) });
    at += text.length;
  }
  return spans;
}
