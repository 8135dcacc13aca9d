import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.js';
import { eventually, metric, startTiny, TEMPLATE } from './support.js';

const ORIGIN = 'https://app.example.com';
const MOST = 4096;
const server = await startTiny(temporaryFolder(), {
  tiny: { chatTemplate: TEMPLATE },
  detector: { promptStyle: 'chat' },
  settings: { maxBody: MOST, cors: ORIGIN, concurrency: 1, queue: 0 },
});
const PATH = '/v1/chat/completions';
const BODY = JSON.stringify({ messages: [{ role: 'user', content: 'Hello' }], max_tokens: 1 });

/** What comes back for bytes as they are, until the connection is closed. */
function exchange(...parts: string[]): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding('utf8').on('data', (data) => {
      text += data;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

const head = (...lines: string[]) =>
  [
    `POST ${PATH} HTTP/1.1`,
    'Host: localhost',
    'Connection: close',
    'Content-Type: application/json',
    ...lines,
    '',
    '',
  ].join('\r\n');
const inChunks = (body: string, size: number) => {
  let text = '';
  for (let at = 0; at < body.length; at += size) {
    const part = body.slice(at, at + size);
    text += `${part.length.toString(16)}\r\n${part}\r\n`;
  }
  return `${text}0\r\n\r\n`;
};
const padded = (length: number) => BODY.padEnd(length);
const CHUNKED = head('Transfer-Encoding: chunked');

test('a body in chunks is taken as any other, up to the same length', async () => {
  for (const size of [7, 1000]) {
    const answer = await exchange(CHUNKED, inChunks(BODY, size));
    assert.match(answer, /^HTTP\/1.1 200 .*"chat.completion"/s);
    assert.match(await exchange(CHUNKED, inChunks(padded(MOST), size)), /^HTTP\/1.1 200 /);
    const large = await exchange(CHUNKED, inChunks(padded(MOST + 1), size));
    assert.match(large, /^HTTP\/1.1 413 .*larger than 4096 bytes/s);
  }
  assert.match(await exchange(CHUNKED, '0\r\n\r\n'), /^HTTP\/1.1 400 .*not valid JSON/s);
  assert.match(await exchange(CHUNKED, 'zz\r\nno\r\n'), /^HTTP\/1.1 400 /);
});

test('a body ends where its head says', async () => {
  const length = (n: number) => head(`Content-Length: ${n}`);
  assert.match(await exchange(length(MOST), padded(MOST)), /^HTTP\/1.1 200 /);
  // Refused by its head: nothing of it needs to come.
  assert.match(await exchange(length(MOST + 1)), /^HTTP\/1.1 413 /);
  assert.match(
    await exchange(head(`Content-Length: ${BODY.length}`, 'Transfer-Encoding: chunked'), BODY),
    /^HTTP\/1.1 400 /,
  );
});

test('a client that leaves within its body is no bug', async () => {
  const { hostname, port } = new URL(server.url);
  const count = () => metric(server, `hneurons_http_requests_total{route="${PATH}",status="499"}`);
  const before = (await count()) || 0;
  const socket = connect(Number(port), hostname, () => {
    socket.write(CHUNKED + inChunks(BODY, 9).slice(0, 40), () => setTimeout(() => socket.destroy(), 50));
  });
  assert.ok(await eventually(async () => (await count()) === before + 1));
  assert.deepEqual(server.said, []);
});

test('another method is a 405 that names the right one, and no bug', async () => {
  const reading = ['/health', '/metrics', '/v1/models', '/v1/models/tiny', '/api/info', '/api/run', '/'];
  const asking = [PATH, '/v1/completions', '/v1/score'];
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  for (const path of [...reading, ...asking, '/nothing', '/v1/embeddings']) {
    const allowed = reading.includes(path) ? ['GET', 'HEAD'] : asking.includes(path) ? ['POST'] : undefined;
    for (const method of METHODS) {
      if (allowed?.includes(method)) continue;
      // With --cors, OPTIONS is the browser's question.
      const answer = await fetch(`${server.url}${path}`, { method });
      const what = `${method} ${path}`;
      if (method === 'OPTIONS') assert.equal(answer.status, 204, what);
      else {
        assert.equal(answer.status, allowed ? 405 : 404, what);
        assert.equal(answer.headers.get('allow'), allowed?.join(', ') ?? null, what);
      }
    }
  }
  const plain = await startTiny(temporaryFolder(), { detector: null });
  const options = await fetch(`${plain.url}${PATH}`, { method: 'OPTIONS' });
  assert.deepEqual([options.status, options.headers.get('allow')], [405, 'POST']);
  assert.equal((await fetch(`${plain.url}/nothing`, { method: 'OPTIONS' })).status, 404);
  assert.deepEqual([...server.said, ...plain.said], []);
});

test("OpenAI's client may call from a page of the allowed origin, and reads when to come again", async () => {
  const headers = 'authorization,content-type,x-stainless-lang,x-stainless-retry-count';
  const asked = await fetch(`${server.url}${PATH}`, {
    method: 'OPTIONS',
    headers: {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': headers,
    },
  });
  assert.equal(asked.headers.get('access-control-allow-headers'), headers);
  assert.equal(asked.headers.get('access-control-allow-methods'), 'GET,POST');
  // The only place is taken here: an answer might end before the next one is asked for.
  const leave = server.context.admission.enter(1);
  const refused = await fetch(`${server.url}${PATH}`, {
    method: 'POST',
    headers: { origin: ORIGIN, 'content-type': 'application/json' },
    body: BODY,
  });
  leave();
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('access-control-allow-origin'), ORIGIN);
  assert.match(refused.headers.get('access-control-expose-headers') ?? '', /Retry-After/);
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
});
