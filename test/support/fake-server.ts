import { type ChatRequest, type ChatServer, startChatServer } from './chat-server.js';
import { seededRandom } from './random.js';

/** How a server treats what it is sent. */
export interface FakeServerOptions {
  /** Gives one answer, whatever `n` says. */
  ignoresN?: boolean;
  /** Fields that it refuses, with a 400. */
  refuses?: string[];
  /** Names the refused field, as OpenAI does, or as `transformers serve` does. */
  names?: 'param' | 'detail';
  logprobs?: boolean;
}

const QUESTION = /Which is the (\w+) thing number (\d+) of the (\w+) kind\?/g;

/** Which of the fake questions a request is about. */
export function askedAbout({ body }: ChatRequest): { kind: string; number: number; relation: string } {
  const text = body.prompt ?? body.messages!.at(-1)!.content;
  const [, kind, number, relation] = [...text.matchAll(QUESTION)].at(-1)!;
  return { kind, number: Number(number), relation };
}

/** A server that answers the fake questions as the fake engine does: by their wording. */
export function startFakeServer(options: FakeServerOptions = {}): Promise<ChatServer> {
  return startChatServer((request) => fakeReply(request, options));
}

function fakeReply(request: ChatRequest, options: FakeServerOptions = {}) {
  const { body } = request;
  const refused = options.refuses?.find((field) => field in body);
  if (refused !== undefined) {
    const error = { message: 'bad request', param: options.names === 'param' ? refused : null };
    const detail = `Unexpected fields in the request: {'${refused}'}`;
    return {
      status: options.names === 'detail' ? 422 : 400,
      body: JSON.stringify(options.names === 'detail' ? { detail } : { error }),
      headers: { 'content-type': 'application/json' },
    };
  }
  const { kind, number, relation } = askedAbout(request);
  const luck = seededRandom(Number(body.seed ?? 0) + number);
  const chat = request.path.endsWith('/chat/completions');
  const choices = Array.from({ length: options.ignoresN ? 1 : Number(body.n ?? 1) }, (_, index) => {
    const draw = luck();
    const right = kind === 'sure' || (kind === 'torn' && draw < 0.5);
    const text = `${chat ? '' : ' '}${right ? `right ${relation} ${number}` : `wrong ${Math.floor(draw * 4)}`}`;
    const logprobs = options.logprobs
      ? chat
        ? {
            content: [
              { token: text, logprob: -1.5 },
              { token: '', logprob: -0.5 },
            ],
          }
        : { tokens: [text, ''], token_logprobs: [-1.5, -0.5] }
      : null;
    const said = chat ? { message: { role: 'assistant', content: text } } : { text };
    return { index, finish_reason: 'stop', logprobs, ...said };
  });
  return { json: { choices } };
}
