import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import { ApiError, CLIENT_GONE, invalid } from './errors.js';
import type { Scope } from './scope.js';
import type { ServerContext } from './types.js';

export type HonoContext = Context<{ Bindings: HttpBindings }>;

/** A request that has its places in the queue and a life that can be ended. */
export interface Computing {
  scope: Scope;
  /** What its client is told of an error. */
  failure(error: unknown): ApiError;
  /** Gives the places back and counts how it ended. Called once. */
  end(error?: ApiError): void;
}

/**
 * Lets a request in.
 * @param places how many answers it wants at the same time
 * @throws ApiError 400 for more answers than ever have a place, 429 when the queue is full, 503 when the server is shutting down
 */
export function beginComputing(context: ServerContext, c: HonoContext, places: number): Computing {
  const { admission, metrics, scopes, settings } = context;
  const most = settings.concurrency + settings.queue;
  if (places > most) throw invalid(`${places} answers are more than the ${most} that this server takes`, 'n');
  let leave: () => void;
  try {
    leave = admission.enter(places);
  } catch (error) {
    metrics.refused.inc();
    throw error;
  }
  let scope: Scope;
  try {
    scope = scopes.open(c.req.raw.signal, settings.requestTimeoutMs);
  } catch (error) {
    leave();
    throw error;
  }
  return {
    scope,
    failure: (error) => asApiError(scope.signal.aborted ? scope.signal.reason : error),
    end(error) {
      leave();
      scope.close();
      metrics.answers.inc({ outcome: error ? outcomeOf(error) : 'finished' }, places);
    },
  };
}

/** Anything that went wrong as something to tell a client; what is no ApiError stays untold. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(500, 'something went wrong here', { cause: error });
}

function outcomeOf({ status, code }: ApiError): string {
  if (status === CLIENT_GONE) return code === 'stalled' ? 'stalled' : 'disconnected';
  if (status === 504) return 'timeout';
  if (status === 503) return code === 'shutting_down' ? 'shutdown' : 'native';
  return status < 500 ? 'invalid' : 'failed';
}
