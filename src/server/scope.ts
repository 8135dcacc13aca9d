import { setMaxListeners } from 'node:events';
import { ApiError, CLIENT_GONE, draining } from './errors.js';

/** The life of one request that computes: everything that can end it early ends it here. */
export interface Scope {
  readonly signal: AbortSignal;
  /** Ends it with a reason that its client is told. The first reason counts. */
  abort(reason: ApiError): void;
  /** It is over. */
  close(): void;
}

/** All requests under way. */
export interface Scopes {
  /** @throws ApiError 503 when the server is shutting down */
  open(client: AbortSignal, timeoutMs: number): Scope;
  readonly size: number;
  readonly draining: boolean;
  /** Lets nobody in any more, waits at most `ms` for those inside, and then ends them. */
  drain(ms: number): Promise<void>;
}

/** What `work` comes to, or the signal's reason as soon as it is aborted; the work itself goes on unheard. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop!);
    work.catch(() => {});
  }
}

const clientGone = (): ApiError => new ApiError(CLIENT_GONE, 'the client went away');

/**
 * What a stream does when nobody reads it any more: the answer stops; a client that is there but does not read is cut off.
 */
export function stopWhenGone(scope: Pick<Scope, 'abort'>, cutOff: () => void) {
  return (reason: 'disconnected' | 'stalled'): void => {
    if (reason === 'stalled') {
      scope.abort(new ApiError(CLIENT_GONE, 'the client does not read', { code: 'stalled' }));
      cutOff();
    } else scope.abort(clientGone());
  };
}

export function createScopes(): Scopes {
  const open = new Set<{ abort(reason: ApiError): void }>();
  let closing = false;
  let empty: (() => void) | undefined;
  return {
    open(client, timeoutMs) {
      if (closing) throw draining();
      const controller = new AbortController();
      // Each of its answers listens; Node takes more than 10 for a leak.
      setMaxListeners(0, controller.signal);
      const abort = (reason: ApiError) => controller.abort(reason);
      const leave = () => abort(clientGone());
      const timer = setTimeout(() => {
        abort(new ApiError(504, `the answer took longer than ${timeoutMs / 1000} s`, { code: 'timeout' }));
      }, timeoutMs);
      if (client.aborted) leave();
      client.addEventListener('abort', leave, { once: true });
      const entry = { abort };
      open.add(entry);
      return {
        signal: controller.signal,
        abort,
        close() {
          clearTimeout(timer);
          client.removeEventListener('abort', leave);
          open.delete(entry);
          if (open.size === 0) empty?.();
        },
      };
    },
    get size() {
      return open.size;
    },
    get draining() {
      return closing;
    },
    async drain(ms) {
      closing = true;
      if (open.size === 0) return;
      const done = new Promise<void>((resolve) => {
        empty = resolve;
      });
      const timer = setTimeout(() => {
        for (const { abort } of open) abort(draining());
      }, ms);
      await done;
      clearTimeout(timer);
    },
  };
}
