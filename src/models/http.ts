import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Agent,
  type Dispatcher,
  EnvHttpProxyAgent,
  fetch,
  Headers,
  type RequestInit,
  type Response,
} from 'undici';
import { dropConnections } from '../connections.js';
import { SourceFailure } from './failure.js';

export interface HttpTimes {
  /** Name lookup, TCP and TLS. Short, so that a fallback starts soon. */
  connectMs: number;
  /** From the request to the first byte of the answer. */
  answerMs: number;
  /** Longest silence inside a body. */
  stallMs: number;
  /** First wait before another attempt; doubles each time. */
  backoffMs: number;
  /** Failures in a row, without a byte of progress, before a source is given up. */
  attempts: number;
}

const DEFAULT_TIMES: HttpTimes = {
  connectMs: 4000,
  answerMs: 10_000,
  stallMs: 30_000,
  backoffMs: 500,
  attempts: 5,
};
const LONGEST_WAIT_MS = 60_000;
/** PyPI's list of a project's files, the longest document asked for, has at most some 10 MB. */
const MAX_TEXT_BYTES = 64 << 20;
const WORTH_ANOTHER_TRY = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface Http {
  times: HttpTimes;
  dispatcher: Dispatcher;
  /** Aborted by `closeHttp`: ends requests in flight where the dispatcher cannot. */
  closing: AbortController;
}

/** Connections with time limits; HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured. Close with `closeHttp`. */
export function openHttp(env: NodeJS.ProcessEnv, times: Partial<HttpTimes> = {}): Http {
  const limits = { ...DEFAULT_TIMES, ...times };
  const settings = {
    connect: { timeout: limits.connectMs },
    headersTimeout: limits.answerMs,
    bodyTimeout: limits.stallMs,
  };
  const httpProxy = env.http_proxy || env.HTTP_PROXY;
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY;
  const dispatcher =
    httpProxy || httpsProxy
      ? new EnvHttpProxyAgent({ ...settings, httpProxy, httpsProxy, noProxy: env.no_proxy ?? env.NO_PROXY })
      : new Agent(settings);
  const closing = new AbortController();
  // Every request in flight listens.
  setMaxListeners(0, closing.signal);
  return { times: limits, dispatcher, closing };
}

/** Drops every connection, also those with an answer in flight. */
export async function closeHttp(http: Http): Promise<void> {
  http.closing.abort(new Error('the connections are closed'));
  await dropConnections(http.dispatcher);
}

/** A request that did not end in a 2xx answer. */
export class HttpFailure extends SourceFailure {
  override readonly name = 'HttpFailure';

  constructor(
    readonly host: string,
    readonly reason: string,
    readonly details: {
      status?: number;
      retryAfterMs?: number;
      retry: boolean;
      networkLost?: boolean;
      cause?: unknown;
    },
  ) {
    super(`${host} ${reason}`, { cause: details.cause });
  }
}

const REASONS: Record<string, string> = {
  ENOTFOUND: 'cannot be found (no network, or no such host)',
  EAI_AGAIN: 'cannot be found (no network, or no name server)',
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
  ENETUNREACH: 'cannot be reached (no network)',
  EHOSTUNREACH: 'cannot be reached (no network)',
  ETIMEDOUT: 'does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'does not answer',
  UND_ERR_BODY_TIMEOUT: 'stopped sending',
  UND_ERR_SOCKET: 'cut the connection',
};
/** What another attempt may cure. A missing host or a bad certificate it does not. */
const TRANSIENT = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Names a network error in a few words. */
export function networkFailure(host: string, error: unknown): HttpFailure {
  let cause = error as { code?: string; message?: string; cause?: unknown; errors?: unknown[] };
  while (cause.code === undefined && (cause.cause ?? cause.errors?.[0]) !== undefined) {
    cause = (cause.cause ?? cause.errors?.[0]) as typeof cause;
  }
  const code = cause.code ?? '';
  const reason = REASONS[code] ?? `failed: ${cause.message ?? String(error)}`;
  return new HttpFailure(host, reason, {
    retry: TRANSIENT.has(code),
    networkLost: code in REASONS,
    cause: error,
  });
}

function statusFailure(host: string, response: Response): HttpFailure {
  const status = response.status;
  const named = new Map([
    [401, 'wants a login (401)'],
    [403, 'denies access (403)'],
    [404, 'has no such page (404)'],
    [429, 'has had too many requests (429)'],
  ]);
  return new HttpFailure(host, named.get(status) ?? `answered with status ${status}`, {
    status,
    retry: WORTH_ANOTHER_TRY.has(status),
    retryAfterMs: retryAfter(response.headers.get('retry-after')),
  });
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

interface Caller {
  http: Http;
  signal: AbortSignal | undefined;
}

/** One request without retries. Throws `HttpFailure`, or the signal's reason. */
export async function requestOnce(
  caller: Caller,
  address: string,
  init: RequestInit = {},
): Promise<Response> {
  const url = new URL(address);
  const headers = new Headers(init.headers);
  if (url.username !== '') {
    // fetch refuses URLs with credentials; pip's index URLs often have them.
    const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.set('authorization', `Basic ${Buffer.from(login).toString('base64')}`);
    url.username = '';
    url.password = '';
  }
  caller.signal?.throwIfAborted();
  // The dispatcher has limits of its own, but a proxy that breaks off while it connects escapes them.
  const late = new AbortController();
  const { http } = caller;
  const { connectMs, answerMs } = http.times;
  const timer = setTimeout(() => late.abort({ code: 'UND_ERR_HEADERS_TIMEOUT' }), connectMs + answerMs);
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      headers: [...headers],
      dispatcher: http.dispatcher,
      signal: AbortSignal.any([late.signal, http.closing.signal, ...(caller.signal ? [caller.signal] : [])]),
    });
  } catch (error) {
    caller.signal?.throwIfAborted();
    throw networkFailure(url.host, error);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return response;
  await response.body?.cancel().catch(() => undefined);
  throw statusFailure(url.host, response);
}

/** Waits before attempt number `failures + 1`: Retry-After where given, else exponential with jitter. Gives up when it is long. */
export async function backOff(caller: Caller, failures: number, failure: HttpFailure): Promise<void> {
  const doubling = caller.http.times.backoffMs * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
  const wait = failure.details.retryAfterMs ?? doubling;
  if (wait > LONGEST_WAIT_MS) throw failure;
  await sleep(wait, undefined, { signal: caller.signal }).catch(() => caller.signal?.throwIfAborted());
}

export interface TextAnswer {
  /** After redirects. */
  url: string;
  contentType: string;
  headers: Headers;
  text: string;
}

/** The body as text, unless it is longer than any list of files. */
async function boundedText(response: Response, host: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    // Leaving the loop cancels the body.
    if (bytes > MAX_TEXT_BYTES) throw new HttpFailure(host, 'sends an answer without end', { retry: false });
    chunks.push(chunk as Uint8Array);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** Fetches a small document; further attempts on cut connections, timeouts, 429 and 5xx. */
export async function requestText(
  caller: Caller,
  address: string,
  headers: Record<string, string>,
  attempts = caller.http.times.attempts,
): Promise<TextAnswer> {
  for (let failures = 1; ; failures++) {
    try {
      const response = await requestOnce(caller, address, { headers });
      const { host } = new URL(address);
      const text = await boundedText(response, host).catch((error: unknown) => {
        caller.signal?.throwIfAborted();
        throw error instanceof HttpFailure ? error : networkFailure(host, error);
      });
      const contentType = response.headers.get('content-type') ?? '';
      return { url: response.url || address, contentType, headers: response.headers, text };
    } catch (error) {
      if (!(error instanceof HttpFailure) || !error.details.retry || failures >= attempts) throw error;
      await backOff(caller, failures, error);
    }
  }
}
