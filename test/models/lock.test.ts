import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { mkdir, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { withLock } from '../../src/models/lock.js';
import { wheelModelPath } from '../../src/models/wheels.js';
import { serveWheels, tinyAlias, tinyModel, world } from './setup.js';

test('one holder at a time; a waiter hears about it once', async (t) => {
  const { folder } = await world(t);
  const lock = join(folder, 'x.lock');
  let inside = 0;
  let most = 0;
  let told = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((done) => setTimeout(done, 30));
    inside--;
  };
  await Promise.all([1, 2, 3].map(() => withLock(lock, { onWait: () => told++ }, work)));
  assert.equal(most, 1);
  assert.equal(told, 2);
  await assert.rejects(stat(lock));
});

test('a lock is given back after a failure, and waiting for one can be aborted', async (t) => {
  const { folder } = await world(t);
  const lock = join(folder, 'x.lock');
  await assert.rejects(
    withLock(lock, {}, () => Promise.reject(new Error('no'))),
    /no/,
  );
  await withLock(lock, {}, async () => {
    const stop = new AbortController();
    const waiting = withLock(
      lock,
      { signal: stop.signal, onWait: () => stop.abort(new Error('enough')) },
      () => assert.fail('got a lock that was held'),
    );
    await assert.rejects(waiting, /enough/);
  });
});

test('the locks of dead processes and of silent hosts are taken over, not those of living ones', async (t) => {
  const { folder } = await world(t);
  const dead = join(folder, 'dead.lock');
  // Process ids end at 2^22 on Linux.
  await writeFile(dead, JSON.stringify({ host: hostname(), pid: 2 ** 22 + 1, id: 'a' }));
  assert.equal(await withLock(dead, {}, async () => 'mine'), 'mine');

  const silent = join(folder, 'silent.lock');
  await writeFile(silent, JSON.stringify({ host: 'elsewhere', pid: 1, id: 'b' }));
  const past = new Date(Date.now() - 120_000);
  await utimes(silent, past, past);
  assert.equal(await withLock(silent, {}, async () => 'mine'), 'mine');

  const remote = join(folder, 'remote.lock');
  await writeFile(remote, JSON.stringify({ host: 'elsewhere', pid: 1, id: 'c' }));
  const stop = new AbortController();
  const waiting = withLock(
    remote,
    { signal: stop.signal, onWait: () => stop.abort(new Error('held')) },
    async () => 0,
  );
  await assert.rejects(waiting, /held/);
  assert.deepEqual((await readdir(folder)).sort(), ['remote.lock']);
});

test('two callers at once download once', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  const got = await Promise.all([w.resolve('tiny'), w.resolve('tiny')]);
  for (const { path } of got) assert.deepEqual(await readFile(path), Buffer.from(tinyModel));
  assert.equal(w.server.seen.filter(({ path }) => path.startsWith('/files/')).length, 2);
});

test('kill -9 in the middle of a download: the next process takes it over and goes on', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.server.faults.push({ match: '/files/tiny_part2', stallAfter: 50_000 });
  const child = fork(new URL('./killed.js', import.meta.url), { env: { ...process.env, ...w.env } });
  await w.server.reached('/files/tiny_part2');
  const folder = dirname(wheelModelPath(w.env, tinyAlias()));
  await mkdir(folder, { recursive: true });
  while (!(await partialsOf(folder)).includes(50_000)) await new Promise((done) => setTimeout(done, 10));
  const dead = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await dead;
  assert.ok((await readdir(folder)).some((name) => name.endsWith('.lock')));
  w.server.seen.length = 0;
  assert.deepEqual(await readFile((await w.resolve('tiny')).path), Buffer.from(tinyModel));
  assert.ok(w.server.seen.some(({ range }) => range === 'bytes=50000-'));
  assert.deepEqual(await readdir(folder), ['tiny-q4.gguf']);
});

async function partialsOf(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.whl.part'));
  return Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => ({ size: 0 }))).size),
  );
}
