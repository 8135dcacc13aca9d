import { ApiError } from './errors.js';

/** Who may come in: as many answers as run at the same time, and a queue of a bounded length. */
export interface Admission {
  /** Answers that are being written or wait for it. */
  readonly inside: number;
  /**
   * Takes the places of `count` answers.
   * @returns gives them back; may be called more than once
   * @throws ApiError 429 with a time after which there is likely to be room
   */
  enter(count: number): () => void;
}

/** Weight of the last request in the mean time of a request. */
const RECENT = 0.2;

export function createAdmission(concurrency: number, queue: number): Admission {
  let inside = 0;
  let meanSeconds = 1;
  return {
    get inside() {
      return inside;
    },
    enter(count) {
      if (inside + count > concurrency + queue) {
        const waiting = Math.max(1, inside + count - concurrency);
        const retryAfter = Math.min(60, Math.max(1, Math.ceil((meanSeconds * waiting) / concurrency)));
        throw new ApiError(429, `${inside} answers are being written or wait; try again later`, {
          type: 'rate_limit_error',
          code: 'queue_full',
          retryAfter,
        });
      }
      inside += count;
      const began = performance.now();
      let left = false;
      return () => {
        if (left) return;
        left = true;
        inside -= count;
        meanSeconds += RECENT * ((performance.now() - began) / 1000 - meanSeconds);
      };
    },
  };
}
