import type { Span } from '../judge/span.js';
import { tokenSpans } from '../pipeline/token-spans.js';

/** Tokens as bytes, in one of the ways in which tokenizers write them; undefined where they are not written so. */
type Spelling = (token: string) => Uint8Array | undefined;

/** SentencePiece and decoded tokens: `▁` (and the `Ġ` of a decoded byte-level one) is a space, `<0xE2>` a byte. */
const plain: Spelling = (token) => {
  const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
  if (byte) return Uint8Array.of(Number.parseInt(byte[1], 16));
  return Buffer.from(token.replace(/[▁Ġ]/g, ' ').replace(/Ċ/g, '\n'));
};

/** Byte-level BPE as in the vocabulary: every byte is a printable character. */
const byteLevel: Spelling = (token) => {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
};

/** GPT-2's table: printable Latin-1 characters stand for themselves, the other bytes for U+0100 and up, in order. */
const BYTE_OF = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  BYTE_OF.set(String.fromCodePoint(printable ? byte : next++), byte);
}

/**
 * Where the answer that published `answer_tokens` name lies in a response, in UTF-16 offsets: the first run of the
 * response's tokens that equals them, by the characters that they spell, whatever tokenizer wrote them. White space
 * makes no difference, as tokens often lack that of the end.
 * @returns the span, or the reason why there is none.
 */
export function locateAnswer(response: string, tokens: string[], answerTokens: string[]): Span | string {
  if (answerTokens.length === 0) return 'no answer tokens';
  let spelled = false;
  for (const spelling of [plain, byteLevel]) {
    const pieces = allBytes(tokens, spelling);
    const answer = allBytes(answerTokens, spelling);
    if (!pieces || !answer) continue;
    const { text, spans } = tokenSpans(pieces);
    const places = alignment(text, response);
    if (!places) continue;
    spelled = true;
    const first = runOf(pieces, answer);
    if (first < 0) continue;
    const from = spans[first].start;
    const to = spans[first + answer.length - 1].end;
    const inside = places.slice(from, to).filter((place) => place >= 0);
    if (inside.length > 0) return whole(response, inside[0], inside[inside.length - 1] + 1);
  }
  if (!spelled && tokens.some((token) => token.includes('\ufffd')))
    return 'the tokens hold U+FFFD in place of characters that lie in several tokens';
  return spelled
    ? 'the answer tokens are no run of the response tokens'
    : 'the tokens do not spell the response';
}

/** The span without half characters: a token may hold a part of one. */
function whole(text: string, start: number, end: number): Span {
  const split = (at: number) =>
    /[\ud800-\udbff]/.test(text[at - 1] ?? '') && /[\udc00-\udfff]/.test(text[at] ?? '');
  return { start: split(start) ? start - 1 : start, end: split(end) ? end + 1 : end };
}

/**
 * Where the text that answer tokens spell stands in a response whose own tokens are not known.
 * @returns the span, or the reason why there is none.
 */
export function findAnswer(response: string, answerTokens: string[]): Span | string {
  if (answerTokens.length === 0) return 'no answer tokens';
  for (const spelling of [plain, byteLevel]) {
    const pieces = allBytes(answerTokens, spelling);
    const text = pieces && Buffer.concat(pieces).toString().trim();
    const start = text ? response.indexOf(text) : -1;
    if (text && start >= 0) return { start, end: start + text.length };
  }
  if (answerTokens.some((token) => token.includes('\ufffd')))
    return 'the answer tokens hold U+FFFD in place of characters that lie in several tokens';
  return 'the answer tokens do not stand in the response';
}

function allBytes(tokens: string[], spelling: Spelling): Uint8Array[] | undefined {
  const pieces = tokens.map(spelling);
  return pieces.every((piece) => piece !== undefined) ? pieces : undefined;
}

function runOf(pieces: Uint8Array[], wanted: Uint8Array[]): number {
  for (let from = 0; from + wanted.length <= pieces.length; from++) {
    if (wanted.every((piece, i) => Buffer.compare(piece, pieces[from + i]) === 0)) return from;
  }
  return -1;
}

/**
 * For each UTF-16 unit of `text` its place in `response`, -1 for white space; undefined when the two differ in more than
 * white space.
 */
function alignment(text: string, response: string): number[] | undefined {
  const places: number[] = [];
  let at = 0;
  const skipSpace = () => {
    while (at < response.length && /\s/.test(response[at])) at++;
  };
  for (const unit of text.split('')) {
    if (/\s/.test(unit)) {
      places.push(-1);
      continue;
    }
    skipSpace();
    if (response[at] !== unit) return undefined;
    places.push(at++);
  }
  skipSpace();
  return at === response.length ? places : undefined;
}
