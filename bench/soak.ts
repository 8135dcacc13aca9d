/**
 * Hours in minutes: clients that behave badly, all the time, next to ones that do not.
 *   node dist/bench/soak.js [--minutes 10] [--clients 12] [--model gemma-3-270m] [--detector DETECTOR] [--kills 0] [--threads N]
 * Random disconnects, bad JSON, oversized bodies, wrong keys, slow readers, half-sent requests, and ordinary requests, batches and
 * streams with different alphas. Fails unless every request that its client waits for gets the answer that is due, the server
 * and its native process live on (but for `--kills`), nothing is left running, and the memory of both is flat after
 * warm-up (last quarter of the time against the second one). Memory is read from the server's own metrics: Linux only.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import OpenAI from 'openai';
import { hardware } from './reference.js';
import { quantile, startServed } from './served.js';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '12' },
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    kills: { type: 'string', default: '0' },
    threads: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const milliseconds = 60_000 * Number(options.minutes);
const KEY = 'soak';
const MAX_BODY = 65_536;
/** Growth that still counts as flat: caches of the allocator move about so much. */
const FLAT = 0.05;
/** Seconds until the server answers again after its native process was killed. */
const LONGEST_RECOVERY = 5;

const args = ['--model', options.model, '--max-body', String(MAX_BODY), '--context', '512', '--queue', '24'];
if (options.detector) args.push('--detector', options.detector);
if (options.threads) args.push('--threads', options.threads);
const server = await startServed(args, KEY);
const headers = { 'content-type': 'application/json', authorization: `Bearer ${KEY}` };
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: KEY, maxRetries: 0, timeout: 120_000 });
const model = (await client.models.list()).data[0].id;
const { hostname, port } = new URL(server.url);

let state = Number(options.seed);
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};
const outcomes = new Map<string, number>();
const bad: string[] = [];
const count = (what: string) => outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
const post = (body: string, over: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { ...headers, ...over },
    body,
    signal,
  });
const wish = () => ({
  model,
  messages: [{ role: 'user' as const, content: `Tell me about number ${Math.floor(1e6 * random())}.` }],
  max_tokens: 1 + Math.floor(48 * random()),
  hneurons: options.detector ? { alpha: [0, 0.5, 1, 1, 1, 2][Math.floor(6 * random())] } : undefined,
});
const expect = async (response: Response, ...due: number[]) => {
  await response.text();
  if (!due.includes(response.status)) bad.push(`${response.status} where ${due} is due`);
};
/** Answers that may come in place of the one that is due: the queue is full, or the native process was just killed. */
const busy = (error: unknown) => {
  const { status, code } = error as { status?: number; code?: string };
  return status === 429 || status === 503 || code === 'restarting';
};

/** What clients do, and how often. A rejection is a request that was not answered as it should be. */
const ACTIONS: [name: string, weight: number, act: () => Promise<unknown>][] = [
  [
    'stream',
    6,
    async () => {
      const body = { ...wish(), stream: true } as OpenAI.ChatCompletionCreateParamsStreaming;
      let finish: string | null = null;
      for await (const { choices } of await client.chat.completions.create(body)) {
        finish = choices[0]?.finish_reason ?? finish;
      }
      if (finish === null) throw new Error('a stream ended without a reason');
    },
  ],
  ['whole', 4, () => client.chat.completions.create({ ...wish(), n: 1 + Math.floor(3 * random()) })],
  [
    'disconnect',
    5,
    async () => {
      const body = JSON.stringify({ ...wish(), stream: random() < 0.7, max_tokens: 200 });
      const gone = AbortSignal.timeout(Math.floor(30 + 400 * random()));
      const response = await post(body, {}, gone).catch(() => undefined);
      await response?.text().catch(() => {});
    },
  ],
  ['bad JSON', 2, async () => expect(await post('{"messages": [{"role": "user", "content": "Hel'), 400)],
  ['bad field', 2, async () => expect(await post(JSON.stringify({ ...wish(), n: -1 })), 400)],
  [
    'oversized',
    1,
    async () => {
      const body = JSON.stringify({ ...wish(), user: 'x'.repeat(2 * MAX_BODY) });
      // The server may close the connection before all was sent.
      const response = await post(body).catch(() => undefined);
      if (response) await expect(response, 413);
    },
  ],
  [
    'wrong key',
    2,
    async () => expect(await post(JSON.stringify(wish()), { authorization: 'Bearer no' }), 401),
  ],
  ['wrong path', 1, async () => expect(await fetch(`${server.url}/../../etc/passwd`, { headers }), 404)],
  [
    'slow reader',
    1,
    () =>
      rawRequest(
        JSON.stringify({ ...wish(), stream: true, max_tokens: 200, logprobs: true, top_logprobs: 20 }),
        3000,
      ),
  ],
  ['half sent', 1, () => rawRequest('{"messages"', 1000)],
  [
    'score',
    options.detector ? 2 : 0,
    async () => {
      const items = Array.from({ length: 3 }, () => ({
        question: 'Capital of Peru?',
        answer: 'Lima, I think.',
      }));
      const response = await fetch(`${server.url}/v1/score`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ items }),
      });
      await expect(response, 200, 429, 503);
    },
  ],
];

/** A request whose client reads nothing (or has not sent all of it), and goes after a while. */
async function rawRequest(body: string, ms: number): Promise<void> {
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${KEY}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Math.max(400, body.length)}\r\n\r\n${body}`,
  );
  await sleep(ms * random());
  socket.destroy();
}

function choose(at: number): [name: string, act: () => Promise<unknown>] {
  let passed = 0;
  for (const [name, weight, act] of ACTIONS) {
    passed += weight;
    if (at < passed) return [name, act];
  }
  throw new RangeError('beyond the last weight');
}

async function misbehave(until: number): Promise<void> {
  const total = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
  while (performance.now() < until) {
    const [name, act] = choose(random() * total);
    try {
      await act();
      count(name);
    } catch (error) {
      if (busy(error)) count(`${name}: refused for now`);
      else bad.push(`${name}: ${String((error as Error).message).slice(0, 200)}`);
    }
  }
}

const recoveries: number[] = [];
const memory: { at: number; server: number; native: number }[] = [];
const began = performance.now();
const until = began + milliseconds;
const kills = Number(options.kills);
const sampling = (async () => {
  while (performance.now() < until) {
    await sleep(Math.min(5000, milliseconds / 40));
    const [own, native] = await Promise.all(
      ['process_resident_memory_bytes', 'hneurons_native_resident_memory_bytes'].map((name) =>
        server.metric(name),
      ),
    );
    if (native > 0) memory.push({ at: performance.now() - began, server: own, native });
  }
})();
await Promise.all([
  sampling,
  killing(),
  ...Array.from({ length: Number(options.clients) }, () => misbehave(until)),
]);

async function killing(): Promise<void> {
  for (let i = 0; i < kills; i++) {
    await sleep(milliseconds / (kills + 1));
    const { readFileSync } = await import('node:fs');
    const pid = server.child.pid!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .filter(Boolean);
    for (const child of children) process.kill(Number(child), 'SIGKILL');
    const since = performance.now();
    while (
      !(await fetch(`${server.url}/health`)).ok ||
      (await server.metric('hneurons_native_restarts')) <= i
    ) {
      await sleep(20);
    }
    recoveries.push((performance.now() - since) / 1000);
  }
}

// Whatever was cancelled is gone soon after.
let left = Number.NaN;
for (let i = 0; i < 50; i++) {
  left = (await server.metric('hneurons_native_active')) + (await server.metric('hneurons_answers_inside'));
  if (left === 0) break;
  await sleep(100);
}
const restarts = await server.metric('hneurons_native_restarts');
const last = await client.chat.completions.create({ ...wish(), max_tokens: 2 });
const code = await server.stop();

const part = (from: number, to: number, which: 'server' | 'native') =>
  quantile(
    memory.filter(({ at }) => at >= from * milliseconds && at < to * milliseconds).map((one) => one[which]),
    0.5,
  );
const growth = (which: 'server' | 'native') => part(0.75, 1.1, which) / part(0.25, 0.5, which) - 1;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
console.log(`${model}, ${options.minutes} minutes, ${options.clients} clients, ${hardware()}`);
for (const [what, times] of [...outcomes].sort()) console.log(`  ${String(times).padStart(7)}  ${what}`);
for (const which of ['server', 'native'] as const) {
  console.log(
    `memory of the ${which} process: ${megabytes(part(0.25, 0.5, which))} -> ${megabytes(part(0.75, 1.1, which))} (${(100 * growth(which)).toFixed(1)} %)`,
  );
}
if (kills > 0) console.log(`back after ${recoveries.map((s) => s.toFixed(1)).join(', ')} s`);
console.log(`restarts ${restarts} (kills ${kills}), left running ${left}, exit code ${code}`);
console.log(
  `not answered as due: ${bad.length}${bad.length ? `\n  ${[...new Set(bad)].slice(0, 20).join('\n  ')}` : ''}`,
);
const flat = kills > 0 || (growth('server') < FLAT && growth('native') < FLAT);
if (!flat) console.log('memory is not flat');
const fine =
  bad.length === 0 &&
  flat &&
  left === 0 &&
  restarts === kills &&
  recoveries.every((s) => s < LONGEST_RECOVERY) &&
  code === 0 &&
  last.choices.length === 1;
process.exit(fine ? 0 : 1);
