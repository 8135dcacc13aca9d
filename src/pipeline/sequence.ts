import type { Engine } from '../engine/types.js';
import { tokenSpans } from './token-spans.js';

/** A prompt with a response, as tokens. */
export interface Sequence {
  tokens: Int32Array;
  /** Position of the first token that has a part of the response. */
  responseStart: number;
  /** Where each token from there on lies in the response, in UTF-16 units; the first may begin before it (start < 0). */
  spans: { start: number; end: number }[];
}

/**
 * Tokenises prompt and response as one text, as the model would see it, and says where the response lies. Undefined
 * where the tokens do not spell the response (a tokenizer that changes the text).
 */
export async function tokenizeSequences(
  engine: Engine,
  texts: { prompt: string; response: string }[],
  options: { special: boolean; bos: boolean },
): Promise<(Sequence | undefined)[]> {
  const all = await engine.tokenize(
    texts.map(({ prompt, response }) => prompt + response),
    options,
  );
  const pieces = await engine.pieces(all.flatMap((tokens) => Array.from(tokens)));
  let at = 0;
  return all.map((tokens, i): Sequence | undefined => {
    const { text, spans } = tokenSpans(pieces.slice(at, at + tokens.length));
    at += tokens.length;
    const { response } = texts[i];
    // Counted from the end: a BOS token, or a space that the tokenizer puts in front, is in the text too.
    const offset = text.length - response.length;
    if (!text.endsWith(response)) return undefined;
    const first = spans.findIndex((span) => span.end > offset);
    const responseStart = first < 0 ? tokens.length : first;
    return {
      tokens,
      responseStart,
      spans: spans
        .slice(responseStart)
        .map(({ start, end }) => ({ start: start - offset, end: end - offset })),
    };
  });
}
