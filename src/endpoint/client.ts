import { setMaxListeners } from 'node:events';
import OpenAI from 'openai';
import pLimit from 'p-limit';
import { dropConnections } from '../connections.js';
import { UserError } from '../errors.js';
import { errorIn } from './events.js';
import { EndpointError, explain, type Target } from './failure.js';
import { withRetries } from './retry.js';
import { ChatAnswer, TextAnswer } from './schema.js';
import { openDispatcher, wholeAnswers } from './transport.js';
import type {
  ChatMessage,
  ChatOptions,
  Endpoint,
  EndpointAnswer,
  EndpointSettings,
  RequestOptions,
} from './types.js';

const OPENAI_URL = 'https://api.openai.com/v1';
const DEFAULT_KEY_ENV = 'OPENAI_API_KEY';

/**
 * A model behind an OpenAI-compatible server, through the official client. Nothing is sent before the first question.
 * @throws UserError for a base URL that is none, and for a key that was named, or that OpenAI wants, but is not set
 */
export function openEndpoint(settings: EndpointSettings): Endpoint {
  const { model, concurrency = 8, timeoutMs = 120_000, retries = 5, backoffMs = 500 } = settings;
  const env = settings.env ?? process.env;
  const url = parseUrl(settings.url ?? (env.OPENAI_BASE_URL?.trim() || OPENAI_URL));
  const keyEnv = settings.keyEnv ?? DEFAULT_KEY_ENV;
  const key = env[keyEnv]?.trim() || undefined;
  if (key === undefined && (settings.keyEnv !== undefined || url.href.startsWith(OPENAI_URL))) {
    throw new UserError(`${url.host} needs a key: put it into the environment variable ${keyEnv}`, {
      exitCode: 2,
    });
  }
  const target: Target = { host: url.host, url: url.href, model, keyEnv, key, timeoutMs };
  const dispatcher = openDispatcher(env, url.hostname);
  const client = new OpenAI({
    baseURL: url.href,
    apiKey: key ?? 'none',
    adminAPIKey: null,
    defaultHeaders: key === undefined ? { Authorization: null } : undefined,
    timeout: timeoutMs,
    maxRetries: 0,
    logLevel: 'off',
    fetch: wholeAnswers(dispatcher),
  });
  const limit = pLimit(concurrency);
  const ended = new AbortController();
  const { signal } = ended;
  // Every wait under way listens.
  setMaxListeners(0, signal);
  const abort = () => ended.abort(settings.signal?.reason);
  if (settings.signal?.aborted) abort();
  settings.signal?.addEventListener('abort', abort, { once: true });

  const ask = <S extends typeof ChatAnswer | typeof TextAnswer>(
    path: string,
    body: Record<string, unknown>,
    schema: S,
  ): Promise<EndpointAnswer> =>
    limit(() =>
      withRetries(
        async () => {
          signal.throwIfAborted();
          // The client never takes its listener off a signal: each request gets one of its own.
          const own = new AbortController();
          const stop = () => own.abort(signal.reason);
          signal.addEventListener('abort', stop);
          try {
            return checkAnswer(await client.post(path, { body, signal: own.signal }), schema, target);
          } catch (error) {
            signal.throwIfAborted();
            throw explain(error, target);
          } finally {
            signal.removeEventListener('abort', stop);
          }
        },
        { retries, backoffMs, signal },
      ),
    );

  // Newer models of OpenAI refuse `max_tokens`, most other servers know nothing else.
  let maxTokensName = 'max_tokens';
  return {
    model,
    host: url.host,
    concurrency,
    async chat(messages, options = {}) {
      const send = () =>
        ask('/chat/completions', chatBody(model, messages, options, maxTokensName), ChatAnswer);
      try {
        return await send();
      } catch (error) {
        const refused = error instanceof EndpointError && error.failure === 'request';
        if (!refused || error.details.parameter !== 'max_tokens') throw error;
        maxTokensName = 'max_completion_tokens';
        return send();
      }
    },
    complete: (prompt, options = {}) =>
      ask(
        '/completions',
        { ...commonBody(model, options, 'max_tokens'), prompt, logprobs: textLogprobs(options.logprobs) },
        TextAnswer,
      ),
    close: () => {
      settings.signal?.removeEventListener('abort', abort);
      ended.abort(new Error('the endpoint is closed'));
      return dropConnections(dispatcher);
    },
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UserError(`"${text}" is no base URL: give one such as http://localhost:8080/v1`, {
      exitCode: 2,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new UserError('a base URL cannot hold a login: put the key into an environment variable', {
      exitCode: 2,
    });
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

function commonBody(model: string, options: RequestOptions, maxTokensName: string): Record<string, unknown> {
  const { n, temperature, topP, maxTokens, stop, seed, extra } = options;
  return {
    ...extra,
    model,
    n,
    temperature,
    top_p: topP,
    [maxTokensName]: maxTokens,
    stop: stop?.length ? stop : undefined,
    seed,
  };
}

function chatBody(
  model: string,
  messages: ChatMessage[],
  options: ChatOptions,
  maxTokensName: string,
): Record<string, unknown> {
  const { logprobs, responseFormat } = options;
  return {
    ...commonBody(model, options, maxTokensName),
    messages,
    logprobs: logprobs === undefined ? undefined : logprobs !== false,
    top_logprobs: typeof logprobs === 'number' ? logprobs : undefined,
    response_format: responseFormat,
  };
}

/** `/completions` takes the number of alternatives; 1 is the least that gives log-probabilities everywhere. */
function textLogprobs(logprobs: boolean | number | undefined): number | undefined {
  return typeof logprobs === 'number' ? logprobs : logprobs ? 1 : undefined;
}

function checkAnswer(
  answer: unknown,
  schema: typeof ChatAnswer | typeof TextAnswer,
  { host }: Target,
): EndpointAnswer {
  const said = errorIn(answer);
  if (said !== undefined) {
    throw new EndpointError(`${host} failed with status 200; it says: ${said}`, 'server', { retry: true });
  }
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    const where = parsed.error.issues[0].path.join('.');
    throw new EndpointError(`${host} sent an answer without usable "${where}"`, 'server', { retry: true });
  }
  const { choices, usage } = parsed.data;
  // Of an answer that was cut off, or spent on a thought, no text is an answer too: its asker counts it.
  if (
    choices.every(
      ({ text, finish, ...more }) => typeof text !== 'string' && finish !== 'length' && !('thought' in more),
    )
  ) {
    throw new EndpointError(`${host} sent an answer without a text (its content is null)`, 'empty');
  }
  return { choices: choices.map((choice) => ({ ...choice, text: choice.text ?? '' })), usage };
}
