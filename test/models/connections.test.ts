import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { dropConnections } from '../../src/connections.js';
import { closeHttp, openHttp, requestOnce } from '../../src/models/http.js';

/** As in Bun, whose undici has dispatchers without methods; this one still carries the request. */
function withoutMethods(dispatcher: Dispatcher): Dispatcher {
  return { dispatch: dispatcher.dispatch.bind(dispatcher) } as unknown as Dispatcher;
}

test('a dispatcher without methods is dropped without an error', async () => {
  await dropConnections({} as Dispatcher);
});

test('closing ends a request in flight, also where the dispatcher cannot', async (context) => {
  let arrive: () => void;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const server = createServer(() => arrive());
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  context.after(() => new Promise((done) => server.close(done).closeAllConnections()));
  const { port } = server.address() as AddressInfo;

  const real = openHttp({});
  context.after(() => real.dispatcher.destroy());
  const http = { ...real, dispatcher: withoutMethods(real.dispatcher) };
  const request = requestOnce({ http, signal: undefined }, `http://127.0.0.1:${port}/`);
  await arrived;
  await Promise.all([closeHttp(http), assert.rejects(request, /the connections are closed/)]);
});
