import { Agent, type Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici';
import { Garbage } from './failure.js';

/** More than any answer: a server that sends without end must not fill the memory. */
const LARGEST_ANSWER = 64 * 2 ** 20;

/** Connections to a server. HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured, but for this machine itself. */
export function openDispatcher(env: NodeJS.ProcessEnv, hostname: string): Dispatcher {
  // A long answer of a slow server comes all at once: only the time limit of the whole request counts.
  const settings = { headersTimeout: 0, bodyTimeout: 0, connect: { timeout: 10_000 } };
  const httpProxy = env.http_proxy || env.HTTP_PROXY;
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY;
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  if (local || !(httpProxy || httpsProxy)) return new Agent(settings);
  return new EnvHttpProxyAgent({ ...settings, httpProxy, httpsProxy, noProxy: env.no_proxy ?? env.NO_PROXY });
}

/**
 * A `fetch` for the official client that reads the answer to its end before it returns, so that the client's time limit
 * covers the body as well, and an answer that breaks off or is no JSON fails like any request, in one place.
 */
export function wholeAnswers(dispatcher: Dispatcher): typeof fetch {
  return async (input, init) => {
    const response = await undiciFetch(
      input as string,
      { ...(init as Parameters<typeof undiciFetch>[1]), dispatcher } as never,
    );
    const body = await readBody(response.body as AsyncIterable<Uint8Array> | null);
    if (response.ok && !isJsonObject(body)) throw new Garbage(describe(body));
    // The client tells JSON by its type; small servers forget it.
    const type = response.ok ? 'application/json' : (response.headers.get('content-type') ?? 'text/plain');
    const headers = new Headers({ 'content-type': type });
    for (const name of ['retry-after', 'retry-after-ms']) {
      const value = response.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    return new Response(response.ok ? body : asError(body), {
      status: response.status,
      statusText: response.statusText,
      headers,
    });
  };
}

/** What went wrong, where the official client looks for it: others say `{ "detail": … }` or `{ "message": … }`. */
function asError(text: string): string {
  if (!isJsonObject(text)) return text;
  const { error, detail, message } = JSON.parse(text);
  if (typeof error === 'object' && error !== null) return text;
  const said = [error, detail, message].find((value) => typeof value === 'string') ?? text;
  return JSON.stringify({ error: { message: said } });
}

async function readBody(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    if (size > LARGEST_ANSWER) throw new Garbage('more than 64 MiB in one answer');
    parts.push(part);
  }
  // It drops a byte order mark.
  return new TextDecoder().decode(Buffer.concat(parts));
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function describe(text: string): string {
  const start = text.trimStart();
  if (start === '') return 'an empty answer';
  if (/^<(!doctype|html)/i.test(start)) return 'a web page in place of an answer; check the base URL';
  return `something that is no JSON object: ${JSON.stringify(start.slice(0, 60))}`;
}
