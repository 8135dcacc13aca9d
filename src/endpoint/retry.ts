import { setTimeout as sleep } from 'node:timers/promises';
import { EndpointError } from './failure.js';

/** A server that asks for a longer wait is given up: its quota is used up for now. */
const LONGEST_WAIT_MS = 120_000;
const LONGEST_BACKOFF_MS = 30_000;

export interface RetryOptions {
  retries: number;
  backoffMs: number;
  signal?: AbortSignal;
}

/**
 * Runs `attempt` again after failures that may pass: Retry-After is honoured, otherwise waits double from attempt to attempt,
 * with jitter. Not the official client's own retries, as those sleep on after an abort, obey a Retry-After of any length, and
 * leave out answers that break off.
 * @throws EndpointError the last one, with the number of attempts; the signal's reason when aborted
 */
export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retries, backoffMs, signal } = options;
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof EndpointError) || !error.details.retry) throw error;
      const doubled = Math.min(backoffMs * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
      const wait = error.details.retryAfterMs ?? doubled * (0.75 + Math.random() / 2);
      if (wait > LONGEST_WAIT_MS) {
        throw again(error, `; it asks to wait for ${Math.ceil(wait / 1000)} s: run the same command later`);
      }
      if (failures > retries) throw again(error, failures > 1 ? ` (${failures} attempts)` : '');
      await sleep(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

function again(error: EndpointError, more: string): EndpointError {
  return new EndpointError(error.message + more, error.failure, error.details);
}
