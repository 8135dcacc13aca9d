import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerRisk } from '../../src/risk/index.js';
import { openUpstream } from '../../src/server/upstream.js';
import { type Reply, startChatServer } from '../support/chat-server.js';
import { expectUserError } from '../support/expect-user-error.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { startOver, startTiny } from './support.js';

const folder = temporaryFolder();
// The server that writes; the proxy in front of it has the same model, and a detector.
const writer = await startTiny(folder, { detector: null });
const { model, served } = (await startTiny(folder, { detector: { promptStyle: 'plain' } })).context;
const proxyTo = (url: string, upstreamModel?: string, settings = {}) =>
  startOver(
    writer.modelPath,
    model,
    served,
    { settings },
    {},
    openUpstream({ url, model: upstreamModel, env: {} }),
  );
const proxy = await proxyTo(`${writer.url}/v1`);

interface Scored {
  hneurons: AnswerRisk;
}
const MESSAGES = [{ role: 'user' as const, content: 'What is it?' }];
const ASK = { model: 'tiny', messages: MESSAGES, max_tokens: 8, seed: 4 };

test('the other server writes, we score: the answer is the same, and so is the score of the text', async () => {
  const direct = await writer.client.chat.completions.create(ASK);
  const through = await proxy.client.chat.completions.create(ASK);
  const { content } = through.choices[0].message;
  assert.equal(content, direct.choices[0].message.content);
  assert.equal(through.usage?.total_tokens, direct.usage?.total_tokens);
  const { hneurons } = through.choices[0] as unknown as Scored;
  const scored = await fetch(`${proxy.url}/v1/score`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ messages: MESSAGES, answer: content }),
  });
  const { results } = (await scored.json()) as { results: AnswerRisk[] };
  assert.ok(hneurons.tokens.length > 0);
  assert.deepEqual(hneurons, results[0]);
  const info = (await (await fetch(`${proxy.url}/api/info`)).json()) as { upstream: boolean };
  assert.equal(info.upstream, true);
});

test('a stream is passed on as it comes, and its last chunk carries the score', async () => {
  const stream = await proxy.client.chat.completions.create({
    ...ASK,
    n: 2,
    stream: true,
    stream_options: { include_usage: true },
  });
  const texts = ['', ''];
  const risks: AnswerRisk[] = [];
  let chunks = 0;
  let usage: unknown;
  for await (const chunk of stream) {
    chunks++;
    if (chunk.usage) usage = chunk.usage;
    for (const choice of chunk.choices) {
      texts[choice.index] += choice.delta.content ?? '';
      const { hneurons } = choice as unknown as Partial<Scored>;
      assert.equal(hneurons !== undefined, choice.finish_reason !== null);
      if (hneurons) risks[choice.index] = hneurons;
    }
  }
  assert.ok(chunks > 4 && usage);
  const whole = await proxy.client.chat.completions.create({ ...ASK, n: 2 });
  assert.deepEqual(
    texts,
    whole.choices.map(({ message }) => message.content),
  );
  assert.deepEqual(
    risks,
    whole.choices.map((choice) => (choice as unknown as Scored).hneurons),
  );
});

test('completions are scored behind their own prompt; tokens are passed on without a score', async () => {
  const ask = { model: 'tiny', max_tokens: 6, seed: 1 };
  const text = await proxy.client.completions.create({ ...ask, prompt: ['One', 'Two'] });
  for (const choice of text.choices) {
    assert.ok((choice as unknown as Scored).hneurons.tokens.length > 0);
  }
  const tokens = await proxy.client.completions.create({ ...ask, prompt: [5, 6, 7] });
  const { hneurons } = tokens.choices[0] as unknown as Scored;
  assert.deepEqual([hneurons.verdict, hneurons.score, hneurons.tokens], ['uncertain', null, []]);
  const none = { ...ask, prompt: 'One', hneurons: { score: false } };
  assert.ok(!('hneurons' in (await proxy.client.completions.create(none)).choices[0]));
});

/** A server that sends what it is told, and a proxy to it. */
const puppet = await startChatServer(() => 'Lima');
const strings = await proxyTo(puppet.url, 'their-model');

test('our additions are not passed on, everything else is; the name is the one that was set', async () => {
  puppet.reply = () => 'It is Lima.';
  const body = { ...ASK, repetition_penalty: 1.1, hneurons: { onRisk: 'annotate' } };
  const answer = await strings.client.chat.completions.create(body as never as typeof ASK);
  assert.equal((answer.choices[0] as unknown as Scored).hneurons.answerSpan?.text, 'Lima');
  const { body: sent, authorization } = puppet.requests.at(-1)!;
  assert.deepEqual(sent, { ...ASK, model: 'their-model', repetition_penalty: 1.1, stream: false });
  assert.equal(authorization, undefined);
  await assert.rejects(
    strings.client.chat.completions.create({ ...ASK, model: 'other' }),
    /404 there is no model/,
  );
});

test('the guard asks the other server again, or holds the answer back', async () => {
  const words = ['Lima', 'Cusco', 'Quito', 'Piura'];
  puppet.reply = (_, index) => words[index % 4];
  const start = puppet.requests.length;
  const risky = await proxyTo(puppet.url, undefined, { threshold: 0.0001 });
  const ask = (onRisk: string, more = {}) =>
    risky.client.chat.completions.create({ ...ASK, ...more, hneurons: { onRisk } } as never as typeof ASK);
  const retried = (await ask('retry')).choices[0] as unknown as Scored & { message: { content: string } };
  assert.equal(puppet.requests.length - start, 4);
  assert.deepEqual(
    puppet.requests.slice(start).map(({ body }) => body.seed),
    [4, 4, 5, 6].map((seed, i) => (i ? 4 + i : seed)),
  );
  assert.equal(retried.hneurons.retries, 3);
  const scores = await Promise.all(
    words.map(async (answer) => {
      const response = await fetch(`${risky.url}/v1/score`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ messages: MESSAGES, answer }),
      });
      return ((await response.json()) as { results: AnswerRisk[] }).results[0].probability!;
    }),
  );
  assert.equal(retried.message.content, words[scores.indexOf(Math.min(...scores))]);
  for (const more of [{ temperature: 0 }, { top_k: 1 }]) {
    const before = puppet.requests.length;
    assert.equal((await ask('retry', more)).choices.length, 1);
    assert.equal(puppet.requests.length - before, 1, 'a greedy answer would come out the same');
  }
  // Each choice is asked for again with seeds of its own, beyond those that a server counts up to for the n.
  const many = puppet.requests.length;
  puppet.reply = (_, index) => (index === many ? words.slice(0, 2) : words[index % 4]);
  assert.equal((await ask('retry', { n: 2 })).choices.length, 2);
  const seeds = puppet.requests.slice(many).map(({ body }) => body.seed);
  assert.deepEqual(seeds, [4, 6, 7, 8, 9, 10, 11]);
  const held = await ask('abstain');
  assert.match(held.choices[0].message.content!, /not sure/);
  const stream = await risky.client.chat.completions.create({
    ...ASK,
    stream: true,
    hneurons: { onRisk: 'abstain' },
  } as never as typeof ASK & { stream: true });
  let text = '';
  let last: Partial<Scored> = {};
  for await (const { choices } of stream) {
    text += choices[0].delta.content ?? '';
    last = choices[0] as unknown as Partial<Scored>;
  }
  assert.match(text, /not sure/);
  assert.equal(last.hneurons?.abstained, true);
});

test('alpha and neurons belong to a model that we do not run', async () => {
  for (const hneurons of [{ alpha: 2 }, { neurons: [[0, 1]] }]) {
    await assert.rejects(
      strings.client.chat.completions.create({ ...ASK, hneurons } as never as typeof ASK),
      /400 hneurons.alpha: another server writes/,
    );
  }
});

test('nonsense and failure of the other server are one clear line', async () => {
  const json = { 'content-type': 'application/json' };
  const events = { 'content-type': 'text/event-stream' };
  const delta = 'data: {"choices":[{"index":0,"delta":{"content":"Li"},"finish_reason":null}]}\n\n';
  for (const [reply, stream, pattern] of [
    [
      { body: '<html>', headers: json },
      false,
      /^502 the upstream server .* sent something that is no JSON: "<html>"/,
    ],
    [{ json: { choices: [] } }, false, /^502 .*without choices/],
    [{ json: { choices: [{ message: { content: 5 } }] } }, false, /^502 .*usable text in choice 0/],
    [{ json: [] }, false, /^502 .*without choices/],
    [{ body: '{"choices": [{', cut: true }, false, /^502 .*cut the connection/],
    [{ cut: true }, false, /^502 .*cut the connection/],
    [{ status: 500, body: 'boom\nbang' }, false, /^502 .*failed with status 500; it says: .*boom bang/],
    [
      { status: 401, body: '{"error":{"message":"no key"}}' },
      false,
      /^502 .*HNEURONS_UPSTREAM_KEY is not set/,
    ],
    [{ status: 400, body: '{"error":{"message":"bad n"}}' }, false, /^400 .*bad n/],
    [{ status: 429, body: '{}', headers: { 'retry-after': '7' } }, false, /^429 /],
    [{ body: '{}', headers: json }, true, /^502 .*in place of a stream/],
    [{ status: 500, body: 'boom' }, true, /^502 .*status 500/],
    [{ body: 'data: {nonsense\n\n', headers: events }, true, /^502 .*no JSON/],
    [{ body: 'data: {"choices": 5}\n\n', headers: events }, true, /^502 .*no part of an answer/],
    [{ body: 'data: [DONE]\n\n', headers: events }, true, /^502 .*ended before/],
    [{ body: delta, headers: events }, true, /ended before the answer did/],
    [{ body: delta, headers: events, cut: true }, true, /cut the connection/],
    [
      { body: `${delta}data: {"error":{"message":"out of\\nmemory"}}\n\n`, headers: events },
      true,
      /says: out of memory/,
    ],
  ] as [Reply, boolean, RegExp][]) {
    puppet.reply = () => reply;
    const ask = async () => {
      const answer = await strings.client.chat.completions.create({
        ...ASK,
        model: undefined as never,
        stream,
      });
      if (stream) for await (const _ of answer as never as AsyncIterable<unknown>);
    };
    const error = await ask().then(
      () => undefined,
      (error: Error) => error,
    );
    assert.match(String(error?.message), pattern, JSON.stringify(reply));
    assert.doesNotMatch(error!.message, /\n/);
  }
  puppet.reply = () => 'Lima';
  assert.equal((await strings.client.chat.completions.create({ ...ASK, model: 'tiny' })).choices.length, 1);
  const gone = await startChatServer(() => '');
  await gone.close();
  const nobody = await proxyTo(gone.url);
  await assert.rejects(nobody.client.chat.completions.create(ASK), /502 .*refuses the connection/);
});

test('a client that leaves, and a server that never answers, end the request there too', async () => {
  puppet.reply = () => ({ hang: true });
  const impatient = await proxyTo(puppet.url, undefined, { requestTimeoutMs: 150 });
  await assert.rejects(impatient.client.chat.completions.create(ASK), /504/);
  puppet.reply = () => ({
    body: 'data: {"choices":[]}\n\n',
    headers: { 'content-type': 'text/event-stream' },
    hang: true,
  });
  const stream = await strings.client.chat.completions.create({ ...ASK, model: 'tiny', stream: true });
  stream.controller.abort();
  for (let i = 0; i < 200 && strings.context.admission.inside > 0; i++)
    await new Promise((done) => setTimeout(done, 10));
  assert.equal(strings.context.admission.inside, 0);
});

test('what is no base URL is refused at the start', async () => {
  for (const url of ['localhost:8000', 'ftp://x/v1', 'not a url']) {
    await expectUserError(() => openUpstream({ url, env: {} }), /is no base URL/);
  }
  await expectUserError(
    () => openUpstream({ url: 'http://me:secret@x/v1', env: {} }),
    /HNEURONS_UPSTREAM_KEY/,
  );
});

test('the command line says what --upstream goes with', async () => {
  for (const [args, pattern] of [
    [['--upstream', 'http://127.0.0.1:1/v1'], /--upstream needs --detector/],
    [['--upstream-model', 'x'], /--upstream-model needs --upstream/],
  ] as const) {
    const { status, stderr } = await runCli('serve', ...args);
    assert.equal(status, 2);
    assert.match(stderr, pattern);
  }
});
