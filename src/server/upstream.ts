import OpenAI from 'openai';
import { type Dispatcher, fetch as undiciFetch } from 'undici';
import { z } from 'zod';
import { dropConnections } from '../connections.js';
import { DONE, errorIn, streamedValues } from '../endpoint/events.js';
import { type EndpointError, explain, type Target } from '../endpoint/failure.js';
import { openDispatcher } from '../endpoint/transport.js';
import { UserError } from '../errors.js';
import { ApiError } from './errors.js';

export interface UpstreamSettings {
  /** Base URL up to and with `/v1`. */
  url: string;
  /** The model's name there; default: as the client says. */
  model?: string;
  /** Where the key is looked up; the client's own is never passed on. */
  env?: NodeJS.ProcessEnv;
}

/** The server that writes the answers. */
export interface Upstream {
  readonly host: string;
  readonly model?: string;
  /** Names of the models that are there, asked once a minute; undefined when the server does not tell. Never throws. */
  models(): Promise<string[] | undefined>;
  /**
   * A whole answer, as JSON of any form.
   * @throws ApiError 400, 404, 429 or 502 with one line that says what is wrong; the signal's reason when aborted
   */
  whole(path: string, body: object, signal: AbortSignal): Promise<unknown>;
  /**
   * The events of a streamed answer, each JSON of any form. Returns true where the server said that it was done, false where the
   * connection just ended. Throws as {@link whole}.
   */
  events(path: string, body: object, signal: AbortSignal): AsyncGenerator<unknown, boolean>;
  close(): Promise<void>;
}

export const UPSTREAM_KEY = 'HNEURONS_UPSTREAM_KEY';

/** More than any answer: a server that sends without end must not fill the memory. */
const LARGEST_ANSWER = 16 * 2 ** 20;
/** The request's own time limit ends it before. */
const NO_LIMIT = 2 ** 31 - 1;
/** How long the names of the models are believed, and how long they are waited for, milliseconds. */
const NAMES = { lifetime: 60_000, timeout: 5_000 };
const ModelList = z.looseObject({
  data: z.array(z.looseObject({ id: z.string().min(1).max(512) })).max(10_000),
});

/**
 * Prepares the way to a server; nothing is sent yet.
 * @throws UserError for what is no base URL
 */
export function openUpstream({ url: text, model, env = process.env }: UpstreamSettings): Upstream {
  const url = parseUrl(text);
  const key = env[UPSTREAM_KEY]?.trim() || undefined;
  const dispatcher = openDispatcher(env, url.hostname);
  const target: Target = {
    ...{ host: url.host, url: url.href, model: '', keyEnv: UPSTREAM_KEY, key },
    timeoutMs: NO_LIMIT,
  };
  let names: { asked: number; list: Promise<string[] | undefined> } | undefined;
  const client = new OpenAI({
    baseURL: url.href,
    apiKey: key ?? 'none',
    adminAPIKey: null,
    defaultHeaders: key === undefined ? { Authorization: null } : undefined,
    timeout: NO_LIMIT,
    maxRetries: 0,
    logLevel: 'off',
    fetch: bounded(dispatcher),
  });
  const failed = (error: unknown, body: object, signal: AbortSignal): unknown => {
    if (signal.aborted) return signal.reason;
    if (error instanceof ApiError) return error;
    const { model } = body as { model?: string };
    const told = toApiError(error, { ...target, model: model ?? '' });
    // It may serve others by now.
    if (told.status === 404) names = undefined;
    return told;
  };
  const listModels = async (): Promise<string[] | undefined> => {
    try {
      const signal = AbortSignal.timeout(NAMES.timeout);
      const text = await (await client.get('/models', { signal }).asResponse()).text();
      const { data } = ModelList.parse(JSON.parse(text));
      return data.length > 0 ? data.map(({ id }) => id) : undefined;
    } catch {
      // Whatever is wrong there shows, with its reason, in the request itself.
      return undefined;
    }
  };
  const ask = (path: string, body: object, signal: AbortSignal, accept: string): Promise<Response> =>
    client.post(path, { body, signal, headers: { Accept: accept } }).asResponse();
  return {
    host: url.host,
    model,
    models() {
      if (names === undefined || performance.now() - names.asked > NAMES.lifetime) {
        names = { asked: performance.now(), list: listModels() };
      }
      return names.list;
    },
    async whole(path, body, signal) {
      try {
        const text = await (await ask(path, body, signal, 'application/json')).text();
        return checked(parseJson(text, target.host), target.host);
      } catch (error) {
        throw failed(error, body, signal);
      }
    },
    async *events(path, body, signal) {
      const own = new AbortController();
      const stop = () => own.abort(signal.reason);
      signal.addEventListener('abort', stop, { once: true });
      try {
        signal.throwIfAborted();
        const response = await ask(path, body, own.signal, 'text/event-stream');
        for await (const value of valuesOf(response, target.host)) {
          if (value === DONE) return true;
          yield checked(value, target.host);
        }
        return false;
      } catch (error) {
        throw failed(error, body, signal);
      } finally {
        signal.removeEventListener('abort', stop);
        own.abort();
      }
    },
    close: () => dropConnections(dispatcher),
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UserError(`--upstream: "${text}" is no base URL; give one such as http://localhost:8000/v1`, {
      exitCode: 2,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError(`--upstream: a URL cannot hold a login; put the key into ${UPSTREAM_KEY}`, {
      exitCode: 2,
    });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

/** A `fetch` for the official client that gives up on an answer without end. */
function bounded(dispatcher: Dispatcher): typeof fetch {
  return async (input, init) => {
    const response = await undiciFetch(
      input as string,
      { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher } as never,
    );
    let size = 0;
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform(part, controller) {
        size += part.length;
        if (size > LARGEST_ANSWER) controller.error(new TooLarge());
        else controller.enqueue(part);
      },
    });
    const { status, statusText, body } = response;
    return new Response((body as ReadableStream<Uint8Array> | null)?.pipeThrough(counter) ?? null, {
      status,
      statusText,
      headers: [...response.headers],
    });
  };
}

class TooLarge extends Error {}

function parseJson(text: string, host: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw nonsense(host, `something that is no JSON: ${JSON.stringify(text.trimStart().slice(0, 60))}`);
  }
}

/** Media types of streams; a type is written in any case. */
const STREAM_TYPES = /event-stream|ndjson|jsonl|json-?lines|json-seq|stream\+json/i;

/** @throws ApiError for an answer that is no stream, with the reason that it gives */
async function* valuesOf(response: Response, host: string): AsyncGenerator<unknown, void> {
  const type = response.headers.get('content-type') ?? '';
  if (STREAM_TYPES.test(type)) {
    yield* streamedValues(response.body as unknown as AsyncIterable<Uint8Array>);
    return;
  }
  if (/json/i.test(type)) checked(parseJson(await response.text(), host), host);
  throw nonsense(host, `${JSON.stringify(type.slice(0, 60))} in place of a stream of events`);
}

/** @throws ApiError for an answer of status 200 that says what went wrong */
function checked(value: unknown, host: string): unknown {
  const said = errorIn(value);
  if (said === undefined) return value;
  throw new ApiError(502, `the upstream server ${host} failed during the answer; it says: ${said}`, {
    code: 'upstream_failed',
  });
}

/** An answer of the other server that cannot be used. */
export function nonsense(host: string, what: string): ApiError {
  return new ApiError(502, `the upstream server ${host} sent ${what}`, { code: 'upstream_failed' });
}

/** What a client is told of a failure of the other server: its own mistakes as 400 and 404, too many requests as 429, the rest as 502. */
function toApiError(error: unknown, target: Target): ApiError {
  const { host } = target;
  const cause = (error as { cause?: unknown })?.cause;
  if (error instanceof TooLarge || cause instanceof TooLarge) {
    return nonsense(host, `more than ${LARGEST_ANSWER / 2 ** 20} MiB in one answer`);
  }
  if (error instanceof SyntaxError) return nonsense(host, 'an event that is no JSON');
  const broken = error instanceof TypeError && /terminated|aborted/.test(error.message);
  if (broken)
    return new ApiError(
      502,
      `the upstream server ${host} cut the connection before the answer was complete`,
      { code: 'upstream_failed' },
    );
  const { failure, message, details }: EndpointError = explain(error, target);
  if (failure === 'request') return new ApiError(400, `upstream: ${message}`, { code: 'upstream_refused' });
  if (failure === 'model') {
    return new ApiError(404, `upstream: ${message}`, { param: 'model', code: 'model_not_found' });
  }
  if (failure === 'rate') {
    return new ApiError(429, `upstream: ${message}`, {
      code: 'upstream_busy',
      retryAfter: Math.ceil((details.retryAfterMs ?? 1000) / 1000),
    });
  }
  return new ApiError(502, `upstream: ${message}`, { code: 'upstream_failed' });
}
