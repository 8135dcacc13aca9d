import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderHtml } from '../../src/report/html.js';
import { syntheticReport } from './report.js';

/** A server on loopback that speaks as `hneurons serve` does, without a model: for states that a real one is rarely in. */

/** What it is asked for: the body of a completion. */
export interface Asked {
  messages: { role: string; content: string }[];
  hneurons: { alpha: number; neurons?: [number, number][]; cett?: [number, number][] };
  [field: string]: unknown;
}

export interface MockOptions {
  detector?: boolean;
  run?: boolean;
  upstream?: boolean;
  /** The key that every request but /health must carry. */
  key?: string;
  /** Put over the report. */
  report?: Record<string, unknown>;
  neurons?: { layer: number; index: number; weight: number }[];
}

/** What becomes of completions from now on. */
export interface MockFault {
  status: number;
  message: string;
  retryAfter?: number;
}

export interface MockServe {
  url: string;
  asked: Asked[];
  /** Completions that were cut off by the client. */
  cut: number;
  fault: MockFault | null;
  /** Milliseconds between tokens. */
  pace: number;
  /** What is said, by alpha; in tokens that joined are the answer. */
  say: (asked: Asked) => string[];
  /** Risk of each token. */
  risk: (token: string, at: number) => number;
  /** Answers /health with 503, as while the native process is started again. */
  restarting: boolean;
  /** Breaks all connections off and listens no more. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
}

/** Stopped at the end of the file: a test's own hooks run in the order of their coming, and its page is closed by a later one. */
const started: MockServe[] = [];
after(() => Promise.all(started.map((mock) => mock.stop())));

const NEURONS = Array.from({ length: 24 }, (_, at) => ({
  layer: (at * 7) % 18,
  index: (at * 397) % 2048,
  weight: (at % 4 === 3 ? -1 : 1) * (24 - at) ** 1.4,
}));
const FIGURE = { estimate: 0.012, low: 0.01, high: 0.014 };
const CARD = {
  weight: 58,
  agreement: 0.6,
  promotes: ['␣perhaps', '␣maybe', '<0xE2>'].map((text, id) => ({ id, text, logit: 1, deviations: 6 })),
  suppresses: ['␣Paris', '␣1789'].map((text, id) => ({ id, text, logit: -1, deviations: -4 })),
  most: ['a', 'b'].map((id) => ({
    id,
    label: 'hallucinated',
    before: 'Who wrote the novel ',
    marked: 'Quendara',
    after: '? Otto Hahn',
    cett: 0.041,
  })),
  least: [],
  cett: { faithful: { ...FIGURE, estimate: 0.004 }, hallucinated: FIGURE, other: null },
  selected: { positive: 0.86, negative: 0 },
  alone: { items: 60, change: { estimate: -0.05, low: -0.1, high: 0 }, p: 0.012 },
};
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Starts it; it is stopped after the test file, at the latest. */
export async function startMockServe(options: MockOptions = {}): Promise<MockServe> {
  let server: Server;
  let port = 0;
  const mock: MockServe = {
    url: '',
    asked: [],
    cut: 0,
    fault: null,
    pace: 0,
    restarting: false,
    say: ({ hneurons: { alpha } }) =>
      alpha === 0 ? ['I', ' do', ' not', ' know', '.'] : ['The', ' capital', ' is', ' Vel', 'morium', '.'],
    risk: (token) => (/Vel|morium/.test(token) ? 0.87 : 0.12),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async start() {
      server = createServer((request, response) => {
        handle(mock, options, request, response).catch((error) => response.destroy(error as Error));
      });
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
      mock.url = `http://127.0.0.1:${port}/`;
    },
  };
  await mock.start();
  started.push(mock);
  return mock;
}

async function handle(
  mock: MockServe,
  options: MockOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url!, mock.url).pathname;
  const json = (status: number, body: unknown, headers: Record<string, string> = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  const refuse = (status: number, message: string, headers?: Record<string, string>) =>
    json(status, { error: { message, type: 'error', param: null, code: null } }, headers);
  const neurons = options.neurons ?? NEURONS;
  const detector = options.detector ?? true;
  const run = detector && (options.run ?? true);

  if (path === '/health') {
    return mock.restarting ? json(503, { status: 'restarting' }) : json(200, { status: 'ok', detector });
  }
  if (/^\/(v1|api|report)/.test(path) && options.key !== undefined) {
    if (request.headers.authorization !== `Bearer ${options.key}`) return refuse(401, 'wrong API key');
  }
  if (path === '/api/info')
    return json(200, { ...infoOf(neurons, detector, run), upstream: options.upstream ?? false });
  if (path.startsWith('/api/neurons/')) {
    const [layer, index] = path.split('/').slice(3).map(Number);
    const neuron = neurons.find((one) => one.layer === layer && one.index === index);
    return neuron ? json(200, { ...neuron, ...aboutNeuron(run) }) : refuse(404, 'no such neuron');
  }
  if (path === '/api/run')
    return run
      ? json(200, { ...syntheticReport(), ...options.report })
      : refuse(404, 'no run beside the detector');
  if (path === '/report.html') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(renderHtml(syntheticReport()));
    return;
  }
  if (path === '/v1/chat/completions') {
    let body = '';
    for await (const part of request) body += part;
    const asked = JSON.parse(body) as Asked;
    mock.asked.push(asked);
    const { fault } = mock;
    if (fault) {
      return refuse(
        fault.status,
        fault.message,
        fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) },
      );
    }
    return complete(mock, asked, detector, response);
  }
  return serveFile(path, response);
}

function infoOf(neurons: NonNullable<MockOptions['neurons']>, detector: boolean, run: boolean) {
  return {
    version: '0.1.0',
    model: {
      name: 'gemma-3-270m',
      architecture: 'gemma3',
      quantisation: 'Q4_K_M',
      layers: 18,
      ffn: 2048,
      hidden: 640,
      vocab: 262144,
      sha256: 'a5fd3b62',
      promptStyle: 'few-shot',
      chat: false,
    },
    detector: detector
      ? {
          path: 'detector.json',
          neurons,
          threshold: 0.5,
          test: { auroc: 0.91, accuracy: 0.84 },
          alphaRange: [0, 3],
        }
      : null,
    run,
    alpha: 1,
    guard: 'annotate',
    commands: {
      find: 'npx hneurons find --model gemma-3-270m',
      serve: 'npx hneurons serve --model gemma-3-270m --detector runs/gemma-3-270m-builtin/detector.json',
    },
  };
}

function aboutNeuron(run: boolean) {
  const examples = (label: string, from: number) =>
    [1, 2, 3].map((at) => ({
      question: `Which city is the capital of country number ${at}?`,
      answer: ` City ${at}`,
      label,
      cett: from / at,
    }));
  return {
    examples: run ? { most: examples('hallucinated', 0.031), least: examples('faithful', 0.0004) } : null,
    card: run ? CARD : null,
    chance: run ? 5.4 : null,
  };
}

/** Streams the answer as the real server does: the risk of a token comes with the chunk after it. */
async function complete(mock: MockServe, asked: Asked, detector: boolean, response: ServerResponse) {
  const texts = mock.say(asked);
  const content = texts.join('');
  const watched = asked.hneurons.cett;
  const tokens = texts.map((text, index) => ({
    text,
    risk: mock.risk(text, index),
    answer: true,
    ...(watched && { cett: watched.map((_, at) => ((index * 7 + at * 3) % 11) / 400) }),
  }));
  let gone = false;
  response.on('close', () => {
    if (response.writableFinished) return;
    gone = true;
    mock.cut++;
  });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (delta: object, extra: object = {}) =>
    response.write(
      `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: null, ...extra }] })}\n\n`,
    );
  send({ role: 'assistant', content: '' });
  for (let index = 0; index < texts.length; index++) {
    const before = index > 0 && detector ? [{ index: index - 1, ...tokens[index - 1] }] : [];
    send({ content: texts[index] }, before.length > 0 ? { hneurons: { tokens: before } } : {});
    if (mock.pace > 0) await sleep(mock.pace);
    if (gone) return;
  }
  const risks = tokens.map(({ risk }) => risk);
  const probability = risks.reduce((sum, risk) => sum + risk, 0) / risks.length;
  const score = {
    score: 0.4,
    probability,
    threshold: 0.5,
    verdict: probability > 0.5 ? 'hallucinated' : probability > 0.35 ? 'uncertain' : 'faithful',
    interval: [Math.max(0, probability - 0.14), Math.min(1, probability + 0.11)],
    answerSpan: { start: 0, end: content.length, text: content },
    tokens,
    sentences: content
      .split(/(?<=\.) /)
      .map((text, at) => ({ start: at, end: at + text.length, text, risk: (at * 0.37 + 0.1) % 1 })),
    spans: [],
    alpha: asked.hneurons.alpha,
  };
  send({}, { finish_reason: 'stop', ...(detector && { hneurons: score }) });
  response.end('data: [DONE]\n\n');
}

async function serveFile(path: string, response: ServerResponse): Promise<void> {
  const file = normalize(path === '/' ? '/index.html' : path);
  try {
    const content = await readFile(join('dist/web', file));
    response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
    response.end(content);
  } catch {
    response.writeHead(404);
    response.end();
  }
}
