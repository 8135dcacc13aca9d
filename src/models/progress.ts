import type { ModelProgress, Session } from './types.js';

/** Adds up bytes from several streams and reports about 20 times a second. */
export interface Meter {
  add(bytes: number): void;
  setTotal(total: number): void;
  /** Reports now; a silent meter speaks from here on. */
  show(): void;
}

const INTERVAL_MS = 50;

/** A `silent` meter counts without reporting until `show` is called. */
export function meter(
  session: Session,
  start: { stage: ModelProgress['stage']; what: string; total?: number; silent?: boolean },
): Meter {
  let done = 0;
  let total = start.total;
  let silent = start.silent ?? false;
  let last = 0;
  const report = (): void => {
    last = performance.now();
    session.progress({ stage: start.stage, what: start.what, done, total });
  };
  return {
    add(bytes) {
      done += bytes;
      if (!silent && (done === total || performance.now() - last >= INTERVAL_MS)) report();
    },
    setTotal(bytes) {
      total = bytes;
    },
    show() {
      silent = false;
      report();
    },
  };
}
