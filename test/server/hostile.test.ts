import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import OpenAI from 'openai';
import { isLoopback } from '../../src/server/guards.js';
import { temporaryFolder } from '../support/temporary.js';
import { post, startTiny, TEMPLATE } from './support.js';

const KEY = 'a key that nobody shall see';
const folder = temporaryFolder();
const server = await startTiny(folder, {
  tiny: { chatTemplate: TEMPLATE },
  detector: { promptStyle: 'chat' },
  settings: { maxBody: 16_384, contextTokens: 128, concurrency: 2, queue: 4 },
});
const locked = await startTiny(folder, { settings: { apiKey: KEY, cors: 'https://app.example.com' } });
const messages = [{ role: 'user', content: 'Hello' }];
const chat = (body: unknown) => post(server, '/v1/chat/completions', body);

interface ErrorBody {
  error: { message: string; type: string; param: string | null; code: string | null };
}

test('what is wrong with a body is said in one line that names the field', async () => {
  const wrong: [unknown, string | null, RegExp][] = [
    [{}, 'messages', /^messages: is missing$/],
    [null, null, /body/],
    [[], null, /body/],
    [{ messages: [] }, 'messages', /messages/],
    [{ messages: 'Hello' }, 'messages', /messages/],
    [{ messages: [{ role: 'root', content: 'x' }] }, 'messages.0.role', /role/],
    [{ messages: [{ role: 'tool', content: 'x', tool_call_id: '1' }] }, 'messages.0.role', /role/],
    [
      { messages: [{ role: 'user', content: 7 }] },
      'messages.0.content',
      /content: must be a text, or a list/,
    ],
    [{ messages: [{ role: 'user', content: null }] }, 'messages.0.content', /content: must be a text, or/],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content', /content: is missing/],
    [{ messages: [{ ...messages[0], tone: 'kind' }] }, 'messages.0.tone', /unknown field "messages.0.tone"/],
    [
      { messages: [{ role: 'assistant', content: 'x', tool_calls: [{ id: '1' }] }, ...messages] },
      'messages.0.tool_calls',
      /not supported: no tools/,
    ],
    [
      {
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] },
        ],
      },
      'messages.0.content',
      /content: must be a text, or a list of parts .*; no images/,
    ],
    [{ messages: [...messages, { role: 'assistant', content: 'x' }] }, 'messages', /user/],
    [{ messages: Array.from({ length: 300 }, () => messages[0]) }, null, /./],
    [{ messages, model: 7 }, 'model', /model/],
    [{ messages, n: 0 }, 'n', /n/],
    [{ messages, n: 17 }, 'n', /n/],
    [{ messages, n: 7 }, 'n', /more than the 6/],
    [{ messages, n: 1.5 }, 'n', /n/],
    [{ messages, temperature: -1 }, 'temperature', /temperature/],
    [{ messages, temperature: '1' }, 'temperature', /temperature/],
    [{ messages, top_p: 0 }, 'top_p', /top_p/],
    [{ messages, max_tokens: 0 }, 'max_tokens', /max_tokens/],
    [{ messages, max_tokens: 1e9 }, 'max_tokens', /128/],
    [{ messages, seed: 1e300 }, 'seed', /seed: must be a whole number/],
    [{ messages, seed: 1.5 }, 'seed', /seed: must be a whole number/],
    [{ messages, stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', /stop: must be .* at most 4/],
    [{ messages, stream_options: { usage: true } }, 'stream_options.usage', /unknown field/],
    [{ messages, stop: '' }, 'stop', /stop/],
    [{ messages, top_logprobs: 21, logprobs: true }, 'top_logprobs', /top_logprobs/],
    [{ messages, logprobs: 3 }, 'logprobs', /logprobs/],
    [{ messages, tools: [{ type: 'function' }] }, 'tools', /not supported/],
    [{ messages, tools: 5 }, 'tools', /not supported/],
    [{ messages, reasoning_effort: 'high' }, 'reasoning_effort', /not supported/],
    [{ messages, response_format: { type: 'json_object' } }, 'response_format', /not supported/],
    [{ messages, frequency_penalty: 1 }, 'frequency_penalty', /not supported/],
    [{ messages, logit_bias: { 5: 1 } }, 'logit_bias', /not supported/],
    [{ messages, model_path: '/etc/passwd' }, 'model_path', /unknown field "model_path"/],
    [{ messages, hneurons: { alpha: 3.01 } }, 'hneurons.alpha', /alpha/],
    [{ messages, hneurons: { alpha: null } }, 'hneurons.alpha', /alpha/],
    [{ messages, hneurons: { detector: 'other.json' } }, 'hneurons.detector', /unknown field/],
    [{ messages, hneurons: { neurons: [[0, 96]] } }, 'hneurons.neurons', /3 layers of 96/],
    [{ messages, hneurons: { neurons: [[-1, 0]] } }, 'hneurons.neurons.0.0', /neurons/],
    [{ messages, hneurons: { neurons: [[0, 0, 0]] } }, 'hneurons.neurons.0', /neurons/],
    [{ messages, hneurons: { cett: [[0, 1]] } }, 'hneurons.cett', /watched/],
    [{ messages, hneurons: { score: false, onRisk: 'retry' } }, 'hneurons.onRisk', /score/],
    [{ messages: [{ role: 'user', content: 'long '.repeat(200) }] }, 'messages', /128 tokens/],
  ];
  for (const [body, param, message] of wrong) {
    const answer = await chat(body);
    const said = (await answer.json()) as ErrorBody;
    const what = JSON.stringify(body).slice(0, 120);
    assert.equal(answer.status, 400, `${what}: ${said.error?.message}`);
    if (param !== null) assert.equal(said.error.param, param, what);
    assert.match(said.error.message, message, what);
    assert.ok(!said.error.message.includes('\n'), what);
    assert.equal(said.error.type, 'invalid_request_error');
  }
  assert.equal(server.context.admission.inside, 0);
});

test('prompts of no form that is known are told which there are', async () => {
  for (const [body, message] of [
    [{}, /^prompt: is missing$/],
    [{ prompt: [] }, /^prompt: must be a text, a list of tokens, or 1 to 32 of either$/],
    [{ prompt: ['a', 5] }, /^prompt: must be a text/],
    [{ prompt: { text: 'a' } }, /^prompt: must be a text/],
  ] as const) {
    const answer = await post(server, '/v1/completions', body);
    const { error } = (await answer.json()) as ErrorBody;
    assert.deepEqual([answer.status, error.param], [400, 'prompt']);
    assert.match(error.message, message);
  }
});

test('what clients of other servers replay is taken where it changes no answer, and refused where it would', async () => {
  const asked = { messages, temperature: 0, max_tokens: 8 };
  // Tokens of the prompt show that it is the same.
  const prompted = async (more: object) => {
    const response = await chat({ ...asked, ...more });
    const body = (await response.json()) as { usage?: { prompt_tokens: number }; error?: object };
    return body.usage?.prompt_tokens ?? JSON.stringify(body.error);
  };
  const plain = await prompted({});
  const [{ content }] = messages;
  for (const same of [
    { top_k: -1 },
    { repetition_penalty: 1, repeat_penalty: 1, typical_p: 1, mirostat: 0, ignore_eos: false },
    {
      chat_template_kwargs: {},
      add_generation_prompt: true,
      skip_special_tokens: true,
      function_call: 'none',
    },
    { prediction: null, audio: null, web_search_options: null, whatever: null },
    { stream_options: { continuous_usage_stats: false, other: null } },
    { messages: [{ role: 'user', content, id: 'm1', other: null }] },
    {
      messages: [
        { role: 'user', content: [{ type: 'text', text: content, cache_control: { type: 'ephemeral' } }] },
      ],
    },
  ]) {
    assert.equal(await prompted(same), plain, JSON.stringify(same));
  }
  const history = (more: object) => [
    ...messages,
    { role: 'assistant', content: 'Hello', ...more },
    { role: 'user', content: 'What is it?' },
  ];
  const after = await prompted({ messages: history({}) });
  for (const thought of ['', null, 'I should greet.']) {
    assert.equal(await prompted({ messages: history({ reasoning_content: thought }) }), after);
  }
  for (const other of [
    { whatever: 1 },
    { repetition_penalty: 1.1 },
    { chat_template_kwargs: { a: 1 } },
    { top_k: -2 },
  ]) {
    assert.equal((await chat({ ...asked, ...other })).status, 400, JSON.stringify(other));
  }
  const whole = (await (await chat({ ...asked, max_tokens: -1 })).json()) as {
    usage: { completion_tokens: number };
    choices: { finish_reason: string }[];
  };
  assert.ok(whole.usage.completion_tokens > 8 || whole.choices[0].finish_reason === 'stop', 'no limit');
});

test('a seed of -1 is a fresh one each time', async () => {
  const texts = new Set<string>();
  for (let i = 0; i < 4; i++) {
    const response = await chat({ messages, seed: -1, temperature: 1, max_tokens: 12 });
    const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
    texts.add(choices[0].message.content);
  }
  assert.ok(texts.size > 1, 'four equal answers are no chance');
});

test('what asks for nothing is taken: null, empty fields of an answer that comes back, seeds of 64 bits', async () => {
  const back = { role: 'assistant', content: 'x', refusal: null, annotations: [], tool_calls: null };
  const more = { model: null, hneurons: null, seed: 2 ** 63, tools: [], reasoning_effort: 'none' };
  const named = { role: 'user', name: 'Ada', content: 'Hello' };
  const ask = () => chat({ ...more, messages: [...messages, back, named], max_tokens: 8 });
  const answers = await Promise.all([ask(), ask()]);
  const texts = await Promise.all(answers.map((one) => one.json()));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200],
    JSON.stringify(texts),
  );
  const [first, second] = texts as { choices: { message: { content: string } }[] }[];
  assert.equal(first.choices[0].message.content, second.choices[0].message.content);
});

test('bodies that are no JSON, too large, endless or of another type are refused', async () => {
  for (const body of ['', '{', '{"messages":', '[[[['.repeat(500), '\u0000', '{"a":NaN}']) {
    assert.equal((await chat(body)).status, 400, JSON.stringify(body.slice(0, 20)));
  }
  assert.equal((await chat(JSON.stringify({ messages, user: 'x'.repeat(17_000) }))).status, 413);
  // A length is not even told: it is counted as it comes.
  const endless = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new ReadableStream({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(' '.repeat(1024))),
    }),
    duplex: 'half',
  } as RequestInit).then(
    ({ status }) => status,
    (error) => error,
  );
  assert.equal(endless, 413);
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
    const answer = await post(server, '/v1/chat/completions', { messages }, { 'content-type': type });
    assert.equal(answer.status, 415, type);
  }
  assert.equal((await fetch(`${server.url}/v1/chat/completions`)).status, 405);
  const fine = '{"__proto__":{"n":50},"messages":[{"role":"user","content":"Hello"}],"max_tokens":1}';
  assert.ok([200, 400].includes((await chat(fine)).status));
  assert.equal(({} as { n?: number }).n, undefined);
});

test('no request reaches a file of its own choice', async () => {
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  const raw = (path: string) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const { hostname, port } = new URL(server.url);
      // Node's client sends the path as it is.
      request({ hostname, port, path }, (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode!, text }));
      })
        .on('error', reject)
        .end();
    });
  for (const path of [
    '/../package.json',
    '/%2e%2e/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/assets/../../../package.json',
    '//etc/passwd',
    '/report.html/../secret.txt',
    '/secret.txt',
    '/api/neurons/../../secret.txt',
    '/api/neurons/..%2f/0',
    '/api/neurons/0/21abc',
    '/api/neurons/00/21',
    '/api/neurons/__proto__/constructor',
    '/%00',
    '/%ff',
    '/%',
  ]) {
    const { status, text } = await raw(path);
    assert.ok(status === 404 || status === 400, `${path}: ${status}`);
    assert.ok(!text.includes('"dependencies"') && !text.includes('root:') && text !== 'secret', path);
  }
});

test('a key is asked for, compared as a whole, and never shows up', async () => {
  const tried: Record<string, string>[] = [
    {},
    { authorization: 'Bearer ' },
    { authorization: `Bearer ${KEY.slice(0, -1)}` },
    { authorization: `Bearer ${KEY}x` },
    { authorization: `Basic ${KEY}` },
    { authorization: KEY },
  ];
  for (const headers of tried) {
    for (const path of ['/v1/models', '/api/info', '/metrics', '/report.html']) {
      assert.equal((await fetch(`${locked.url}${path}`, { headers })).status, 401, path);
    }
    const answer = await post(locked, '/v1/chat/completions', { messages }, headers);
    assert.equal(answer.status, 401);
    assert.ok(!(await answer.text()).includes(KEY));
  }
  const wrong = new OpenAI({ baseURL: `${locked.url}/v1`, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(wrong.models.list(), OpenAI.AuthenticationError);
  assert.equal((await locked.client.models.list()).data.length, 1);
  for (const path of ['/health', '/']) assert.equal((await fetch(`${locked.url}${path}`)).status, 200, path);
  const metrics = await locked.context.metrics.registry.metrics();
  assert.ok(!metrics.includes(KEY) && !locked.said.join().includes(KEY));
});

test('other web pages get nothing, unless their origin is allowed', async () => {
  const ask = (url: string, origin: string) =>
    fetch(`${url}/v1/models`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
  const allowed = (response: Response) => response.headers.get('access-control-allow-origin');
  assert.equal(allowed(await ask(server.url, 'https://app.example.com')), null);
  assert.equal(allowed(await ask(locked.url, 'https://app.example.com')), 'https://app.example.com');
  assert.notEqual(allowed(await ask(locked.url, 'https://evil.example.com')), 'https://evil.example.com');
  const page = await fetch(server.url);
  assert.match(
    page.headers.get('content-security-policy') ?? '',
    /default-src 'none'.*frame-ancestors 'none'/,
  );
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
});

test('on loopback the server answers to names of this machine only', async () => {
  const { hostname, port } = new URL(server.url);
  const ask = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(`GET /api/info HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      });
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text.split('\r\n')[0]));
      socket.on('error', reject);
    });
  for (const host of [
    'evil.example.com',
    `evil.example.com:${port}`,
    'localhost.evil.com',
    '10.0.0.1',
    '127.0.0.1.evil.com',
  ]) {
    assert.match(await ask(host), / 403 /, host);
  }
  for (const host of ['localhost', `127.0.0.1:${port}`, `[::1]:${port}`, 'LOCALHOST:1']) {
    assert.match(await ask(host), / 200 /, host);
  }
  assert.ok(!isLoopback('0.0.0.0') && !isLoopback('::') && !isLoopback('192.168.0.1'));
});

test('what is not HTTP, or comes too slowly, does not disturb others', async () => {
  const { hostname, port } = new URL(server.url);
  const sockets = Array.from({ length: 20 }, (_, i) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        i % 2
          ? 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Le'
          : '\u0016\u0003\u0001garbage\r\n\r\n',
      );
    });
    socket.on('error', () => {});
    return socket;
  });
  assert.equal((await chat({ messages, max_tokens: 1 })).status, 200);
  for (const socket of sockets) socket.destroy();
});
