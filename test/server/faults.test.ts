import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { openEngine } from '../../src/engine/index.js';
import { openBackend } from '../../src/server/backend.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';
import {
  eventually,
  metric,
  post,
  startTiny,
  TEMPLATE,
  type TestOptions,
  type TestServer,
} from './support.js';

const folder = temporaryFolder();
const messages = [{ role: 'user' as const, content: 'Tell me everything' }];
/** As long as an answer can be. */
const long = { model: 'tiny', messages, temperature: 1, seed: 1, max_tokens: 1500 };

// Large enough that an answer takes seconds.
const slow = (settings: TestOptions['settings'] = {}): Promise<TestServer> =>
  startTiny(folder, {
    tiny: { chatTemplate: TEMPLATE, contextLength: 2048, hidden: 256, ffn: 1024, layers: 4 },
    detector: { promptStyle: 'chat' },
    settings: { contextTokens: 2048, ...settings },
  });
const stream = (server: TestServer, signal?: AbortSignal) =>
  server.client.chat.completions.create({ ...long, stream: true }, { signal });
const first = async (chunks: AsyncIterable<OpenAI.ChatCompletionChunk>, count: number) => {
  for await (const chunk of chunks) if (chunk.choices[0]?.delta.content && --count <= 0) return;
};
/** Resolves when so many answers are in the native process. */
const running = (server: TestServer, count: number) => eventually(() => server.backend.active === count);

test('a client that goes away stops its computation at once', async () => {
  const server = await slow();
  // Leaving the loop closes the connection.
  await first(await stream(server), 3);
  assert.ok(await eventually(() => server.backend.active === 0), 'still active');
  const before = await metric(server, 'hneurons_generated_tokens_total');
  await sleep(100);
  assert.equal(await metric(server, 'hneurons_generated_tokens_total'), before);
  assert.ok(before < 1500);

  const quiet = new AbortController();
  const whole = server.client.chat.completions.create(long, { signal: quiet.signal });
  assert.ok(await running(server, 1));
  quiet.abort();
  await assert.rejects(whole);
  assert.ok(await eventually(() => server.backend.active === 0), 'still active');
  assert.ok(await eventually(() => server.context.admission.inside === 0));
  assert.equal(await metric(server, 'hneurons_answers_total{outcome="disconnected"}'), 2);
});

test('a score that nobody waits for any more keeps its place until nothing is computed for it, which is soon', async () => {
  const server = await slow();
  const answer = 'word '.repeat(300);
  const items = Array.from({ length: 16 }, (_, i) => ({ question: `What is ${i}?`, answer }));
  const leaving = new AbortController();
  const scored = fetch(`${server.url}/v1/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ items }),
    signal: leaving.signal,
  });
  assert.ok(await eventually(() => server.context.admission.inside === 1));
  leaving.abort();
  await assert.rejects(scored);
  assert.ok(await eventually(() => server.context.admission.inside === 0));
  assert.equal(await metric(server, 'hneurons_answers_total{outcome="disconnected"}'), 1);
  // Nothing is left in the queue of the native process.
  assert.ok((await server.backend.call((engine) => engine.columnNorms())).length > 0);
  const chat = await server.client.chat.completions.create({ ...long, max_tokens: 2 });
  assert.equal(chat.usage?.completion_tokens, 2);
});

test('a full queue is refused with a time to wait, and is open again afterwards', async () => {
  const server = await slow({ concurrency: 1, queue: 1 });
  const away = new AbortController();
  await stream(server, away.signal);
  await stream(server, away.signal);
  assert.ok(await eventually(() => server.context.admission.inside === 2));
  const refused = await post(server, '/v1/chat/completions', { ...long, max_tokens: 1 });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  assert.equal(((await refused.json()) as { error: { code: string } }).error.code, 'queue_full');
  assert.equal(await metric(server, 'hneurons_queue_refused_total'), 1);
  away.abort();
  // A client that tries again, as OpenAI's does by itself, gets its answer.
  const patient = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 3 });
  const answer = await patient.chat.completions.create({ ...long, max_tokens: 1 });
  assert.equal(answer.usage?.completion_tokens, 1);
});

test('an answer that takes too long ends with 504, in a stream with an error', async () => {
  const server = await slow({ requestTimeoutMs: 1000 });
  await assert.rejects(server.client.chat.completions.create(long), { status: 504, code: 'timeout' });
  const chunks = await stream(server);
  await assert.rejects(first(chunks, Number.POSITIVE_INFINITY), { code: 'timeout' });
  assert.ok(await eventually(() => server.backend.active === 0));
});

test('killed in the middle of 8 streams, the native process comes back', async () => {
  const server = await slow();
  const streams = await Promise.all(Array.from({ length: 8 }, () => stream(server)));
  const ends = streams.map((chunks) => first(chunks, Number.POSITIVE_INFINITY));
  for (const end of ends) end.catch(() => {});
  const whole = server.client.chat.completions.create(long);
  whole.catch(() => {});
  assert.ok(await running(server, 9));
  await sleep(50);
  process.kill(server.backend.pid!, 'SIGKILL');
  for (const end of ends) await assert.rejects(end, { code: 'restarting' });
  await assert.rejects(whole, { status: 503, code: 'restarting' });
  const health = await fetch(`${server.url}/health`);
  assert.ok(health.status === 503 || server.backend.ready);
  assert.ok(await eventually(() => server.backend.ready));
  const answer = await server.client.chat.completions.create({ ...long, max_tokens: 2 });
  assert.equal(answer.usage?.completion_tokens, 2);
  assert.equal(await metric(server, 'hneurons_native_restarts'), 1);
  assert.equal(server.context.admission.inside, 0);
  assert.match(server.said.join('\n'), /SIGKILL.*starting it again\nthe model is back/);
});

test('a native process that hangs is killed and comes back', async () => {
  const tiny = await writeTinyModel(join(folder, 'hangs.gguf'), {
    architecture: 'llama',
    contextLength: 2048,
  });
  const said: string[] = [];
  const open = () => openEngine({ modelPath: tiny.path, device: 'cpu', threads: 1 });
  const backend = await openBackend(
    open,
    { concurrency: 2, contextTokens: 2048 },
    (message) => said.push(message),
    { hangs: 300, ping: 50 },
  );
  try {
    let heard = 0;
    const failure = new Promise<unknown>((onError, reject) => {
      const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 2000, stop: [], seed: 1 };
      backend.submit(
        { id: '1', stream: '1', prompt: [1, 2, 3], settings },
        { onToken: () => heard++, onEnd: () => reject(new Error('it ended')), onError },
      );
    });
    assert.ok(await eventually(() => heard > 0));
    process.kill(backend.pid!, 'SIGSTOP');
    assert.match(String(await failure), /being started again/);
    assert.ok(await eventually(() => backend.ready));
    assert.match(said.join('\n'), /has not answered for .* is killed\n.*SIGKILL.*\nthe model is back/s);
    const [tokens] = await backend.call((engine) => engine.tokenize(['abc'], { special: false, bos: false }));
    assert.ok(tokens.length > 0);
  } finally {
    await backend.close();
  }
});

test('a server that ends lets answers finish, lets nobody in, and waits only so long', async () => {
  const server = await slow();
  const short = await server.client.chat.completions.create({ ...long, max_tokens: 60, stream: true });
  const text = first(short, Number.POSITIVE_INFINITY);
  assert.ok(await running(server, 1));
  const closed = server.close(60_000);
  await text;
  await closed;
  await assert.rejects(fetch(`${server.url}/health`));

  const hurried = await slow();
  const end = first(await stream(hurried), Number.POSITIVE_INFINITY);
  end.catch(() => {});
  assert.ok(await running(hurried, 1));
  await hurried.close(100);
  await assert.rejects(end, { code: 'shutting_down' });
});
