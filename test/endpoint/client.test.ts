import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EndpointSettings, openEndpoint } from '../../src/endpoint/index.js';
import { type Reply, startChatServer } from '../support/chat-server.js';
import { expectUserError } from '../support/expect-user-error.js';

const SECRET = 'sk-very-secret';

async function setUp(
  replies: Reply[] | ((index: number) => Reply),
  settings: Partial<EndpointSettings> = {},
) {
  const server = await startChatServer((_, index) =>
    Array.isArray(replies) ? replies[Math.min(index, replies.length - 1)] : replies(index),
  );
  const endpoint = openEndpoint({
    url: server.url,
    model: 'm',
    backoffMs: 1,
    retries: 2,
    env: { OPENAI_API_KEY: SECRET },
    ...settings,
  });
  return { server, endpoint, ask: () => endpoint.chat([{ role: 'user', content: 'hello' }]) };
}

test('a chat: settings under their names in the API, key in the header, choices and usage back', async () => {
  const { server, endpoint } = await setUp([['one', 'two']]);
  const answer = await endpoint.chat([{ role: 'user', content: 'q' }], {
    ...{ n: 2, temperature: 0.5, topP: 0.9, maxTokens: 50, stop: ['\n'], seed: 3, logprobs: 5 },
    responseFormat: { type: 'json_object' },
    extra: { top_k: 50 },
  });
  assert.deepEqual(answer, {
    choices: [
      { text: 'one', finish: 'stop', tokens: undefined },
      { text: 'two', finish: 'stop', tokens: undefined },
    ],
    usage: { promptTokens: 7, completionTokens: 3 },
  });
  const [{ path, authorization, body }] = server.requests;
  assert.equal(path, '/v1/chat/completions');
  assert.equal(authorization, `Bearer ${SECRET}`);
  assert.deepEqual(body, {
    ...{ model: 'm', n: 2, temperature: 0.5, top_p: 0.9, max_tokens: 50, stop: ['\n'], seed: 3, top_k: 50 },
    ...{ logprobs: true, top_logprobs: 5, response_format: { type: 'json_object' } },
    messages: [{ role: 'user', content: 'q' }],
  });
});

test('a completion, with log-probabilities', async () => {
  const { server, endpoint } = await setUp([
    {
      json: {
        choices: [
          {
            text: ' Lima',
            finish_reason: 'length',
            logprobs: {
              tokens: [' L', 'ima'],
              token_logprobs: [-0.5, -0.1],
              top_logprobs: [{ ' L': -0.5 }, null],
            },
          },
        ],
      },
    },
  ]);
  const { choices } = await endpoint.complete('Capital of Peru?', { logprobs: true, maxTokens: 2 });
  assert.deepEqual(choices, [
    {
      text: ' Lima',
      finish: 'length',
      tokens: [
        { text: ' L', logProbability: -0.5, top: [{ text: ' L', logProbability: -0.5 }] },
        { text: 'ima', logProbability: -0.1, top: [] },
      ],
    },
  ]);
  assert.deepEqual(server.requests[0].body, {
    model: 'm',
    prompt: 'Capital of Peru?',
    max_tokens: 2,
    logprobs: 1,
  });
});

const passing: [string, Reply][] = [
  ['a status of 500', { status: 500, body: 'oops' }],
  ['a hung-up connection', { cut: true }],
  ['an answer that breaks off', { body: '{"choices": [', cut: true }],
  ['a web page', { body: '<!DOCTYPE html><p>Bad gateway', headers: { 'content-type': 'text/html' } }],
  ['garbage', { body: '\u0000\u0001 data: {', headers: { 'content-type': 'application/json' } }],
  ['an answer without choices', { json: { choices: [] } }],
  ['429 without Retry-After', { status: 429, body: '{"error": {"message": "slow down"}}' }],
];
for (const [name, fault] of passing) {
  test(`${name} is worth another attempt`, async () => {
    const { server, ask } = await setUp([fault, fault, 'fine']);
    assert.equal((await ask()).choices[0].text, 'fine');
    assert.equal(server.requests.length, 3);
  });
}

const lasting: [string, Reply, number, ...RegExp[]][] = [
  [
    'a status of 500',
    { status: 500, body: 'out of\nmemory' },
    3,
    /status 500/,
    /out of memory/,
    /3 attempts/,
  ],
  ['a hung-up connection', { cut: true }, 3, /cut the connection/],
  ['an answer that breaks off', { body: '{"choices": [', cut: true }, 3, /cut the connection/],
  ['a web page', { body: '<html>' }, 3, /web page/, /base URL/],
  ['an empty answer', { body: '' }, 3, /empty answer/],
  ['garbage', { body: 'data: [1' }, 3, /no JSON object/, /data: \[1/],
  ['an answer without choices', { json: { object: 'list' } }, 3, /without usable "choices"/],
  ['null for content', { json: { choices: [{ message: { content: null } }] } }, 1, /content is null/],
  [
    '401',
    { status: 401, body: `{"error": {"message": "bad key ${SECRET}"}}` },
    1,
    /401/,
    /OPENAI_API_KEY/,
    /bad key \[key\]/,
  ],
  ['404', { status: 404, body: '{"error": {"message": "no such model"}}' }, 1, /no model "m"/, /\/v1/],
  [
    '429',
    { status: 429, headers: { 'retry-after': '0' }, body: '{"error": {"message": "slow"}}' },
    3,
    /too many/,
  ],
  [
    '429 without credit',
    { status: 429, body: '{"error": {"message": "pay", "code": "insufficient_quota"}}' },
    1,
    /credit/,
  ],
  ['429 for an hour', { status: 429, headers: { 'retry-after': '3600' }, body: '{}' }, 1, /wait for 3600 s/],
  [
    '400',
    { status: 400, body: '{"error": {"message": "too long"}}' },
    1,
    /refuses the request \(400\)/,
    /too long/,
  ],
];
for (const [name, fault, attempts, ...patterns] of lasting) {
  test(`${name}, again and again, is one line`, async () => {
    const { server, ask } = await setUp([fault]);
    await expectUserError(ask, ...patterns);
    assert.equal(server.requests.length, attempts);
  });
}

test('silence, before an answer or within it, ends at the time limit', async () => {
  for (const reply of [{ hang: true }, { body: '{"choices":', hang: true }]) {
    // Long enough for a request to arrive on a busy machine.
    const { server, ask } = await setUp([reply], { timeoutMs: 400, retries: 1 });
    await expectUserError(ask, /no answer within 0\.4 s/, /2 attempts/);
    assert.equal(server.requests.length, 2);
  }
});

test('Retry-After is waited for', async () => {
  const { ask } = await setUp([{ status: 429, headers: { 'retry-after-ms': '300' }, body: '{}' }, 'fine']);
  const began = performance.now();
  await ask();
  assert.ok(performance.now() - began >= 290);
});

test('a server that is not there is named', async () => {
  const { server, ask } = await setUp(['x'], { retries: 0 });
  await server.close();
  await expectUserError(ask, /cannot reach http:\/\/127/, /is the server running/);
});

test('no more requests at once than wanted, and no warning about listeners', async () => {
  const warnings: string[] = [];
  const note = (warning: Error) => warnings.push(warning.name);
  process.on('warning', note);
  const server = await startChatServer(async () => {
    // Until all that may come at once are there, and one too many would be.
    for (let i = 0; i < 50 && server.peak() < 12; i++) await new Promise((done) => setTimeout(done, 10));
    await new Promise((done) => setTimeout(done, 20));
    return 'x';
  });
  const endpoint = openEndpoint({ url: server.url, model: 'm', concurrency: 12, env: {} });
  await Promise.all(Array.from({ length: 40 }, () => endpoint.chat([{ role: 'user', content: 'q' }])));
  assert.equal(server.requests.length, 40);
  assert.equal(server.peak(), 12);
  process.off('warning', note);
  assert.deepEqual(warnings, []);
});

test('an abort ends requests, waits and the queue at once, with its reason', async () => {
  for (const reply of [{ hang: true }, { status: 429, headers: { 'retry-after': '100' }, body: '{}' }]) {
    const controller = new AbortController();
    const { server, ask } = await setUp([reply], { signal: controller.signal, concurrency: 1 });
    const asked = [ask(), ask()];
    while (server.requests.length === 0) await new Promise((done) => setTimeout(done, 5));
    controller.abort(new Error('stopped'));
    for (const one of asked) await assert.rejects(one, /^Error: stopped$/);
    assert.equal(server.requests.length, 1);
  }
});

test('the key comes from the environment only; a server that wants none gets none', async () => {
  const { server, ask } = await setUp(['x'], { env: {} });
  await ask();
  assert.equal(server.requests[0].authorization, undefined);
  const named = await setUp(['x'], { env: { OPENAI_API_KEY: 'other', MY_KEY: ' mine ' }, keyEnv: 'MY_KEY' });
  await named.ask();
  assert.equal(named.server.requests[0].authorization, 'Bearer mine');
  await expectUserError(() => openEndpoint({ model: 'm', env: {} }), /api\.openai\.com/, /OPENAI_API_KEY/);
  await expectUserError(
    () => openEndpoint({ model: 'm', url: server.url, keyEnv: 'MY_KEY', env: {} }),
    /MY_KEY/,
  );
  await expectUserError(() => openEndpoint({ model: 'm', url: 'localhost:1', env: {} }), /no base URL/);
  await expectUserError(
    () => openEndpoint({ model: 'm', url: 'http://a:b@h/v1', env: {} }),
    /cannot hold a login/,
  );
});

test('a model that wants max_completion_tokens gets it, from then on', async () => {
  const refusal = { error: { message: 'use max_completion_tokens', param: 'max_tokens' } };
  const { server, endpoint } = await setUp([{ status: 400, body: JSON.stringify(refusal) }, 'fine']);
  const ask = () => endpoint.chat([{ role: 'user', content: 'q' }], { maxTokens: 9 });
  assert.equal((await ask()).choices[0].text, 'fine');
  await ask();
  assert.deepEqual(
    server.requests.map(({ body }) => [body.max_tokens, body.max_completion_tokens]),
    [
      [9, undefined],
      [undefined, 9],
      [undefined, 9],
    ],
  );
});

test('answers in the forms of other servers: parts, thoughts apart, other ends, errors with status 200', async () => {
  const choice = (message: object, finish_reason?: unknown): Reply => ({
    json: { choices: [{ message, finish_reason }] },
  });
  const parts = [
    { type: 'thinking', thinking: [] },
    { type: 'text', text: 'Lima' },
  ];
  for (const [reply, wanted] of [
    [choice({ content: 'Lima' }, 'eos_token'), { text: 'Lima', finish: 'stop' }],
    [choice({ content: 'Lima' }, 'max_tokens'), { text: 'Lima', finish: 'length' }],
    [choice({ content: 'Lima' }, 'content_filter'), { text: 'Lima', finish: 'broken' }],
    [choice({ content: 'Lima' }), { text: 'Lima', finish: 'other' }],
    [choice({ content: 'Lima' }, ''), { text: 'Lima', finish: 'other' }],
    [choice({ content: parts }, 'stop'), { text: 'Lima', finish: 'stop', thought: true }],
    [choice({ content: 'Lima', reasoning_content: '' }, 'stop'), { text: 'Lima', finish: 'stop' }],
    [choice({ content: null, reasoning: 'hm' }, 'length'), { text: '', finish: 'length', thought: true }],
    [choice({ content: null }, 'length'), { text: '', finish: 'length' }],
  ] as [Reply, object][]) {
    const { ask } = await setUp([reply]);
    assert.deepEqual((await ask()).choices, [{ ...wanted, tokens: undefined }], JSON.stringify(reply));
  }
  const bom = await setUp([
    { body: '\ufeff{"choices":[{"message":{"content":"Lima"},"finish_reason":"stop"}]}' },
  ]);
  assert.equal((await bom.ask()).choices[0].text, 'Lima');
  const failing = await setUp([{ json: { error: { message: 'out of\nmemory' } } }]);
  await expectUserError(failing.ask, /failed with status 200; it says: out of memory/);
  assert.equal(failing.server.requests.length, 3, 'asked again');
  const none = await setUp([choice({ content: null }, 'stop')]);
  await expectUserError(none.ask, /content is null/);
});
