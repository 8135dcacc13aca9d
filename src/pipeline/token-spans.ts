import { TextDecoder } from 'node:util';

/** The part of a text, in UTF-16 units, that a token has a byte in. `end` not included. */
export interface TokenSpan {
  start: number;
  end: number;
}

/**
 * Where tokens lie in the text that their bytes spell. A character whose bytes are spread over several tokens belongs
 * to each of them; bytes that are no UTF-8 count as the replacement characters that a decoder makes of them.
 *
 * @param pieces the bytes of each token
 */
export function tokenSpans(pieces: Uint8Array[]): { text: string; spans: TokenSpan[] } {
  const decoder = newDecoder();
  const spans: TokenSpan[] = [];
  let text = '';
  // Bytes since the last place at which no character was open, and the characters that came out of them.
  let carry: Uint8Array[] = [];
  let carried = 0;
  for (const piece of pieces) {
    const start = text.length;
    const decoded = decoder.decode(piece, { stream: true });
    text += decoded;
    carry.push(piece);
    carried += decoded.length;
    const open = newDecoder().decode(Buffer.concat(carry)).length > carried;
    if (!open) {
      carry = [];
      carried = 0;
    }
    spans.push({ start, end: text.length + (open ? 1 : 0) });
  }
  text += decoder.decode();
  for (const span of spans) span.end = Math.min(span.end, text.length);
  return { text, spans };
}

/**
 * The run of tokens that have a byte in `[start, end)` of the text, as positions `[first, last)`; undefined when there is none.
 */
export function tokensOf(
  spans: TokenSpan[],
  start: number,
  end: number,
): { start: number; end: number } | undefined {
  let first = -1;
  let last = -1;
  spans.forEach((span, i) => {
    if (span.start < end && span.end > start && span.end > span.start) {
      if (first < 0) first = i;
      last = i;
    }
  });
  return first < 0 ? undefined : { start: first, end: last + 1 };
}

function newDecoder(): TextDecoder {
  // A byte order mark is a character like any other here, or all offsets behind it would be off by one.
  return new TextDecoder('utf-8', { ignoreBOM: true });
}
