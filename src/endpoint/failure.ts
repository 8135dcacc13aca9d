import { APIConnectionTimeoutError, APIError } from 'openai';
import { UserError } from '../errors.js';

/**
 * Why a request gave nothing. `unreachable`, `key`, `model`: no request will do better; `rate`: too many requests, or the
 * credit is used up; `request`: the server refuses this one request; `server`: it failed, fell silent, hung up, or sent
 * something else than an answer; `empty`: an answer without a text (filtered, or all of it spent on thinking).
 */
export type EndpointFailure = 'unreachable' | 'key' | 'model' | 'rate' | 'request' | 'server' | 'empty';

/** A request without a usable answer, in one line. */
export class EndpointError extends UserError {
  constructor(
    message: string,
    readonly failure: EndpointFailure,
    readonly details: { cause?: unknown; retry?: boolean; retryAfterMs?: number; parameter?: string } = {},
  ) {
    super(message, { cause: details.cause });
  }
}

/** An answer of status 200 that is none. */
export class Garbage extends Error {}

/** Where requests go, for messages. */
export interface Target {
  host: string;
  url: string;
  model: string;
  keyEnv: string;
  /** Taken out of everything that is shown: some servers repeat it. */
  key?: string;
  timeoutMs: number;
}

const REASONS: Record<string, string> = {
  ENOTFOUND: 'there is no such host, or no network',
  EAI_AGAIN: 'there is no name server, or no network',
  ECONNREFUSED: 'it refuses the connection; is the server running?',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
};
const CUT_OFF = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH']);
const LONGEST_QUOTE = 200;

/** Names what went wrong, from whatever the official client throws. */
export function explain(error: unknown, target: Target): EndpointError {
  const { host, url, model, keyEnv } = target;
  if (error instanceof EndpointError) return error;
  const fail = (failure: EndpointFailure, message: string, details: { retry?: boolean } = {}) =>
    new EndpointError(message, failure, { ...details, cause: error });
  if (error instanceof APIConnectionTimeoutError) {
    const seconds = target.timeoutMs / 1000;
    return fail('server', `${host} gave no answer within ${seconds} s`, { retry: true });
  }
  if (!(error instanceof APIError)) {
    return fail('server', `the request to ${host} failed: ${quote(error, target)}`);
  }
  if (error.status === undefined) return explainConnection(error, target);
  const { status } = error;
  const said = quote(error, target);
  if (status === 401 || status === 403) {
    const key = target.key === undefined ? `${keyEnv} is not set` : `it does not accept the key in ${keyEnv}`;
    return fail('key', `${host} denies access (${status}): ${key}; it says: ${said}`);
  }
  if (status === 404) {
    return fail(
      'model',
      `${host} knows no model "${model}", or ${url} is not the base URL, which mostly ends in /v1 (404); it says: ${said}`,
    );
  }
  if (status === 429) {
    return new EndpointError(
      `${host} has had too many requests, or the credit is used up (429); it says: ${said}`,
      'rate',
      // Waiting does not help against an empty account.
      { retry: error.code !== 'insufficient_quota', retryAfterMs: retryAfter(error.headers), cause: error },
    );
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return new EndpointError(`${host} failed with status ${status}; it says: ${said}`, 'server', {
      retry: true,
      retryAfterMs: retryAfter(error.headers),
      cause: error,
    });
  }
  return new EndpointError(`${host} refuses the request (${status}): ${said}`, 'request', {
    parameter: error.param ?? undefined,
    cause: error,
  });
}

function explainConnection(error: APIError, target: Target): EndpointError {
  const { host, url } = target;
  const fail = (failure: EndpointFailure, message: string) =>
    new EndpointError(message, failure, { retry: true, cause: error });
  let cause = error.cause as { code?: string; message?: string; cause?: unknown; errors?: unknown[] };
  if (cause instanceof Garbage) return fail('server', `${host} sent ${cause.message}`);
  while (cause?.code === undefined && (cause?.cause ?? cause?.errors?.[0]) !== undefined) {
    cause = (cause.cause ?? cause.errors?.[0]) as typeof cause;
  }
  const code = cause?.code ?? '';
  if (code in REASONS) return fail('unreachable', `cannot reach ${url}: ${REASONS[code]}`);
  if (CUT_OFF.has(code) || cause?.message === 'terminated') {
    return fail('server', `${host} cut the connection before the answer was complete`);
  }
  return fail('unreachable', `cannot reach ${url}: ${quote(cause ?? error, target)}`);
}

/** RFC 9110 section 10.2.3: seconds, or a date; OpenAI's own header has milliseconds. */
function retryAfter(headers: Headers | undefined): number | undefined {
  const exact = Number(headers?.get('retry-after-ms') ?? Number.NaN);
  if (exact >= 0) return exact;
  const header = headers?.get('retry-after');
  if (!header) return undefined;
  const ms = Number(header) >= 0 ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** What a server says, short, in one line, and without the key. */
function quote(error: unknown, { key }: Target): string {
  let text = String((error as { message?: unknown }).message ?? error);
  if (key) text = text.replaceAll(key, '[key]');
  text = text.replace(/\s+/g, ' ').trim();
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
