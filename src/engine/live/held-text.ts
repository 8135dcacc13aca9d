import type { LiveToken } from './types.js';

/**
 * The text of an answer that is told token by token. A token is held back while its bytes may still turn out to be
 * the beginning of a stop string, or end within a character. The texts given, joined, are the bytes before the stop
 * string as UTF-8 (what is no UTF-8 becomes U+FFFD, as in Buffer.toString).
 */
export interface HeldText {
  /** Adds a token's bytes. Returns true when a stop string has appeared: nothing may be added after it. */
  push(piece: Uint8Array): boolean;
  /** Nothing more comes: the rest is given, up to the stop string. */
  finish(): void;
  /** The next token in order; undefined when it is held back, or no part of the answer. */
  take(): Spelling | undefined;
}

/** Bytes stand beside a text that is not theirs in UTF-8: a token may end or begin within a character. */
export type Spelling = Pick<LiveToken, 'text' | 'bytes'>;

export function heldText(stops: readonly Buffer[]): HeldText {
  let bytes = Buffer.alloc(64);
  let length = 0;
  /** Where each token ends. */
  const ends: number[] = [];
  let taken = 0;
  /** Bytes that have been put into texts. */
  let spelled = 0;
  let cut = -1;
  /** Tokens that end here or before are certain. */
  let safe = 0;
  let finished = false;
  return {
    push(piece) {
      if (length + piece.length > bytes.length)
        bytes = Buffer.concat([bytes], 2 * (bytes.length + piece.length));
      bytes.set(piece, length);
      length += piece.length;
      ends.push(length);
      const open = bytes.subarray(spelled, length);
      for (const stop of stops) {
        const at = open.indexOf(stop);
        if (at >= 0 && (cut < 0 || spelled + at < cut)) cut = spelled + at;
      }
      safe = length - Math.max(beginningOfStop(open, stops), openTail(open));
      return cut >= 0;
    },
    finish() {
      finished = true;
    },
    take() {
      if (taken === ends.length) return undefined;
      const end = ends[taken];
      if (!finished && (cut >= 0 || end > safe)) return undefined;
      if (cut >= 0 && (taken > 0 ? ends[taken - 1] : 0) >= cut) return undefined;
      taken++;
      const last = finished && (cut >= 0 ? end >= cut : taken === ends.length);
      // A character that the next byte does not go on with will never be complete.
      const goesOn = end < length && (bytes[end] & 0xc0) === 0x80;
      const tail = goesOn ? openTail(bytes.subarray(spelled, end)) : 0;
      const whole = last ? (cut >= 0 ? cut : end) : end - tail;
      const text = bytes.toString('utf8', spelled, whole);
      spelled = whole;
      const begin = taken > 1 ? ends[taken - 2] : 0;
      return spelling(text, bytes.subarray(begin, cut >= 0 ? Math.min(cut, end) : end));
    },
  };
}

/** A text with a copy of its bytes where they are not the text's own. */
export function spelling(text: string, bytes: Uint8Array): Spelling {
  return Buffer.from(text).equals(bytes) ? { text } : { text, bytes: Uint8Array.from(bytes) };
}

/** How many of the last bytes are the beginning of a stop string, at most; 0 if none. */
function beginningOfStop(bytes: Buffer, stops: readonly Buffer[]): number {
  let most = 0;
  for (const stop of stops)
    for (let size = Math.min(stop.length - 1, bytes.length); size > most; size--)
      if (bytes.compare(stop, 0, size, bytes.length - size) === 0) most = size;
  return most;
}

/** How many of the last bytes are a character of UTF-8 that is not complete. */
function openTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf5 || byte < 0xc2 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return size > back ? back : 0;
  }
  return 0;
}
