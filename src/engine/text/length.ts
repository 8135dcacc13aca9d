import { UserError } from '../../errors.js';
import type { Engine } from '../types.js';

/** Upper bound on the bytes of text that one token stands for: the longest in known vocabularies, runs of spaces, have 128. */
const MAX_TOKEN_BYTES = 256;

/** True if a text has more bytes than any tokens that fit into a context can stand for: known without tokenising it. */
export function exceedsContext(text: string, contextLength: number): boolean {
  const most = contextLength * MAX_TOKEN_BYTES;
  return text.length > most || (text.length * 3 > most && Buffer.byteLength(text) > most);
}

/** Says why a text or sequence cannot be read: `has 5000 tokens, too many for the model's context of 512`. */
export function tooLong(length: { tokens: number } | { text: string }, contextLength: number): string {
  const size =
    'tokens' in length
      ? `${length.tokens} tokens`
      : `more than ${contextLength} tokens (${Buffer.byteLength(length.text)} bytes)`;
  return `has ${size}, too many for the model's context of ${contextLength}`;
}

/** @throws UserError for a sequence with more tokens than the model was made for: what it computes from there on is noise. */
export function checkTokens(what: string, tokens: number, contextLength: number): void {
  if (tokens > contextLength) throw new UserError(`${what} ${tooLong({ tokens }, contextLength)}`);
}

/** Tokens of each text; undefined for a text of so many bytes that its tokens cannot fit into the context. */
export async function tokenizeBounded(
  engine: Pick<Engine, 'tokenize' | 'model'>,
  texts: readonly string[],
  options: { special: boolean; bos: boolean },
): Promise<(Int32Array | undefined)[]> {
  const { contextLength } = engine.model;
  const bounded = texts.filter((text) => !exceedsContext(text, contextLength));
  const tokens = await engine.tokenize(bounded, options);
  let next = 0;
  return texts.map((text) => (exceedsContext(text, contextLength) ? undefined : tokens[next++]));
}
