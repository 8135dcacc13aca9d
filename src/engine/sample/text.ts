/**
 * The text that a sample has so far, grown token by token: finds where a stop string begins. Works on bytes, as a
 * token may hold part of a character.
 */
export interface GrowingText {
  /** Adds a token's bytes. Returns true when a stop string has appeared. */
  push(piece: Uint8Array): boolean;
  /** The text before the stop string, and how many tokens hold any of it. */
  finish(): { text: string; tokens: number };
  fork(): GrowingText;
}

export function growingText(stops: Buffer[], bytes = Buffer.alloc(0), starts: number[] = []): GrowingText {
  let all = bytes;
  const begins = starts.slice();
  let cut = -1;
  const longest = stops.reduce((most, stop) => Math.max(most, stop.length), 0);
  return {
    push(piece) {
      const from = Math.max(0, all.length - longest + 1);
      begins.push(all.length);
      all = Buffer.concat([all, piece]);
      for (const stop of stops) {
        const at = all.indexOf(stop, from);
        if (at >= 0 && (cut < 0 || at < cut)) cut = at;
      }
      return cut >= 0;
    },
    finish() {
      const end = cut >= 0 ? cut : all.length;
      let tokens = begins.length;
      if (cut >= 0) while (tokens > 0 && begins[tokens - 1] >= end) tokens--;
      return { text: all.toString('utf8', 0, end), tokens };
    },
    fork: () => growingText(stops, all, begins),
  };
}
