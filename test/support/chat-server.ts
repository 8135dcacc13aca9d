import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';

/** A small OpenAI-compatible server on loopback, with faults on demand. */

export interface ChatRequest {
  path: string;
  authorization?: string;
  /** The request's JSON. */
  body: {
    model: string;
    messages?: { role: string; content: string }[];
    prompt?: string;
    response_format?: { type: string };
    [key: string]: unknown;
  };
}

/** What the server does with a request: gives this text (or these texts), or something worse. */
export type Reply =
  | string
  | string[]
  | { json: unknown }
  | {
      status?: number;
      headers?: Record<string, string>;
      /** Sent as it is. */
      body?: string;
      /** Never answers; with `body`, falls silent after it. */
      hang?: boolean;
      /** Cuts the connection; with `body`, after it. */
      cut?: boolean;
    };

export interface ChatServer {
  /** Base URL with /v1. */
  url: string;
  requests: ChatRequest[];
  /** Most requests that were under way at once. */
  peak(): number;
  /** What GET /models lists; undefined: there is no such route. Not among `requests`. */
  models?: string[];
  /** Answers each request from now on; `index` counts them. */
  reply: (request: ChatRequest, index: number) => Reply | Promise<Reply>;
  close(): Promise<void>;
}

/** Starts a server; closed after the test file, at the latest. */
export async function startChatServer(reply: ChatServer['reply']): Promise<ChatServer> {
  let open = 0;
  let most = 0;
  const server = createServer(async (request, response) => {
    open++;
    most = Math.max(most, open);
    response.once('close', () => {
      open--;
    });
    if (request.method === 'GET') {
      const { models } = state;
      const reply = models
        ? { json: { object: 'list', data: models.map((id) => ({ id })) } }
        : { status: 404 };
      send(response, { path: request.url ?? '' }, reply);
      return;
    }
    const seen: ChatRequest = {
      path: request.url ?? '',
      authorization: request.headers.authorization,
      body: JSON.parse(await readAll(request)),
    };
    state.requests.push(seen);
    send(response, seen, await state.reply(seen, state.requests.length - 1));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const state: ChatServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests: [],
    peak: () => most,
    reply,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
  after(() => state.close());
  return state;
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) text += part;
  return text;
}

function send(response: ServerResponse, request: Pick<ChatRequest, 'path'>, reply: Reply): void {
  if (typeof reply === 'string' || Array.isArray(reply)) {
    const chat = request.path.endsWith('/chat/completions');
    const choices = [reply].flat().map((text, index) => ({
      index,
      finish_reason: 'stop',
      ...(chat ? { message: { role: 'assistant', content: text } } : { text }),
    }));
    reply = { json: { choices, usage: { prompt_tokens: 7, completion_tokens: 3 } } };
  }
  if ('json' in reply)
    reply = { body: JSON.stringify(reply.json), headers: { 'content-type': 'application/json' } };
  const { status = 200, headers = {}, body, hang, cut } = reply;
  if (hang || cut) {
    if (body !== undefined) {
      response.writeHead(status, { 'content-length': '9999', ...headers });
      response.write(body, () => cut && response.destroy());
    } else if (cut) response.destroy();
    return;
  }
  response.writeHead(status, headers).end(body);
}
