import { tokenizeBounded, tooLong } from '../engine/text/length.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
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
 * where the tokens do not spell the response (a tokenizer that changes the text), and where `onTooLong` returns.
 * @param onTooLong gets the number of a text with more tokens than the model's context, and what is wrong with it; default: throws
 */
export async function tokenizeSequences(
  engine: Engine,
  texts: { prompt: string; response: string }[],
  options: { special: boolean; bos: boolean },
  onTooLong: (text: number, why: string) => void = refuse,
): Promise<(Sequence | undefined)[]> {
  const { contextLength } = engine.model;
  const whole = texts.map(({ prompt, response }) => prompt + response);
  const bounded = await tokenizeBounded(engine, whole, options);
  const all = bounded.map((tokens, i) => {
    if (tokens && tokens.length <= contextLength) return tokens;
    const length = tokens ? { tokens: tokens.length } : { text: whole[i] };
    onTooLong(i, tooLong(length, contextLength));
    return undefined;
  });
  const pieces = await engine.pieces(all.flatMap((tokens) => (tokens ? Array.from(tokens) : [])));
  let at = 0;
  return all.map((tokens, i): Sequence | undefined => {
    if (!tokens) return undefined;
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

function refuse(text: number, why: string): never {
  throw new UserError(`text ${text + 1} (a prompt with its response) ${why}`);
}
