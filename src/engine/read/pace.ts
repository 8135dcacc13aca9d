/** How a long call shares the native process with what else it does. */
export interface Pace {
  /** Most rows of the next decode. */
  room(): number;
  /**
   * Lets others in after a decode of so many rows that took so long.
   * @throws when nobody wants the result any more
   */
  breathe(rows: number, ms: number): Promise<void>;
}

/** Longest decode while somebody waits for tokens, and as long a turn for these after it. */
const BESIDE_MS = 50;
/** Longest decode while nobody does: a request that comes then waits as long at most. */
const ALONE_MS = 1000;
const FEWEST_ROWS = 16;
const FIRST_ROWS = 64;

const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/**
 * @param live whether a live session is open, and whether it has work
 * @param stopped whether nobody wants the result any more
 */
export function makePace(live: () => 'none' | 'idle' | 'busy', stopped: () => boolean): Pace {
  let rowMs: number | undefined;
  return {
    room() {
      const state = live();
      if (state === 'none') return Number.POSITIVE_INFINITY;
      if (rowMs === undefined) return FIRST_ROWS;
      return Math.max(FEWEST_ROWS, Math.floor((state === 'busy' ? BESIDE_MS : ALONE_MS) / rowMs));
    },
    async breathe(rows, ms) {
      const each = ms / rows;
      rowMs = rowMs === undefined ? each : 0.8 * rowMs + 0.2 * each;
      const until = performance.now() + ms;
      do await immediate();
      while (!stopped() && live() === 'busy' && performance.now() < until);
      if (stopped()) throw new Error('stopped');
    },
  };
}
