import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openUpstream } from '../../src/server/upstream.js';
import { type ChatRequest, startChatServer } from '../support/chat-server.js';
import { temporaryFolder } from '../support/temporary.js';
import { startOver, startTiny } from './support.js';

/** By what name another server is asked: many (vLLM, Ollama) know their own names only. */
const folder = temporaryFolder();
const { modelPath, context } = await startTiny(folder, { detector: { promptStyle: 'plain' } });
const proxyTo = (url: string, model?: string) =>
  startOver(modelPath, context.model, context.served, {}, {}, openUpstream({ url, model, env: {} }));

/** In the manner of vLLM. */
async function strictServer(models: string[] | undefined) {
  const serves = models ?? ['only/one'];
  const server = await startChatServer(({ body }: ChatRequest) =>
    serves.includes(body.model)
      ? 'Lima'
      : {
          status: 404,
          body: JSON.stringify({
            error: { message: `The model \`${body.model}\` does not exist.`, code: 404 },
          }),
        },
  );
  server.models = models;
  return server;
}
const ASK = { messages: [{ role: 'user' as const, content: 'What is it?' }], seed: 4 };

test('a server with one model gets its own name for it, whether a client says ours, that, or none', async () => {
  const server = await strictServer(['only/one']);
  const { client, url } = await proxyTo(server.url);
  for (const model of ['tiny', 'only/one', undefined]) {
    const answer = await client.chat.completions.create({ ...ASK, model: model as string });
    assert.equal(answer.choices[0].message.content, 'Lima');
    assert.equal(server.requests.at(-1)!.body.model, 'only/one');
    const stream = await client.chat.completions
      .create({ ...ASK, model: model as string, stream: true })
      .then(
        () => 'streamed',
        (error: Error) => error.message,
      );
    // The stand-in has no streams; what matters is that the name was accepted.
    assert.match(stream, /in place of a stream/);
  }
  const { data } = await client.models.list();
  assert.deepEqual(
    data.map(({ id }) => id),
    ['only/one'],
  );
  for (const name of ['only/one', 'tiny']) assert.equal((await client.models.retrieve(name)).id, name);
  assert.equal((await fetch(`${url}/v1/models/only/one`)).status, 200);
  await assert.rejects(client.models.retrieve('other'), /404 there is no model "other"/);
  // Another name is for the other server to judge; its 404 is passed on with what was sent.
  await assert.rejects(
    client.chat.completions.create({ ...ASK, model: 'other' }),
    /404 upstream: .* knows no model "other".*The model `other` does not exist/,
  );
});

test('the list is asked for once, and again when a name has gone', async () => {
  const server = await strictServer(['first']);
  const { client } = await proxyTo(server.url);
  const ask = () => client.chat.completions.create({ ...ASK, model: 'tiny' });
  await ask();
  server.models = ['second'];
  server.reply = ({ body }) => (body.model === 'second' ? 'Cusco' : { status: 404, body: '{}' });
  await assert.rejects(ask(), /404 upstream: .* knows no model "first"/);
  assert.equal((await ask()).choices[0].message.content, 'Cusco');
});

test('which of several is meant has to be said, by the client or at the start', async () => {
  const server = await strictServer(['a', 'b']);
  const { client } = await proxyTo(server.url);
  await assert.rejects(
    client.chat.completions.create({ ...ASK, model: 'tiny' }),
    /400 model: the upstream server .* has 2; name one of them \(a, b\), or start this server with --upstream-model/,
  );
  assert.equal(server.requests.length, 0);
  assert.equal((await client.chat.completions.create({ ...ASK, model: 'b' })).choices.length, 1);
  const set = await proxyTo(server.url, 'a');
  for (const model of ['tiny', 'a']) await set.client.chat.completions.create({ ...ASK, model });
  assert.deepEqual(
    server.requests.map(({ body }) => body.model),
    ['b', 'a', 'a'],
  );
  await assert.rejects(
    set.client.chat.completions.create({ ...ASK, model: 'b' }),
    /404 there is no model "b"/,
  );
  // One of several that has our name is the one that is meant.
  server.models = ['a', 'tiny'];
  server.reply = () => 'Lima';
  const same = await proxyTo(server.url);
  await same.client.chat.completions.create({ ...ASK, model: 'tiny' });
  assert.equal(server.requests.at(-1)!.body.model, 'tiny');
});

test('a server that lists no models gets what the client says', async () => {
  const server = await strictServer(undefined);
  const { client } = await proxyTo(server.url);
  assert.equal((await client.chat.completions.create({ ...ASK, model: 'only/one' })).choices.length, 1);
  await assert.rejects(
    client.chat.completions.create({ ...ASK, model: 'tiny' }),
    /404 upstream: .* knows no model "tiny"/,
  );
  assert.deepEqual(
    (await client.models.list()).data.map(({ id }) => id),
    ['tiny'],
  );
});
