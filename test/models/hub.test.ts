import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { noise, sha256 } from './server.js';
import { COMMIT, TIMES, type World, world } from './setup.js';

const model = noise(200_000, 1);
const other = noise(50_000, 2);
const REPO = 'owner/model-GGUF';

function serve({ server }: World): void {
  server.repos[REPO] = { commit: COMMIT, files: { 'm-Q4_K_M.gguf': model, 'm-Q8_0.gguf': other } };
}

const repoFolder = (w: World) => join(w.folder, 'hf', 'hub', 'models--owner--model-GGUF');
const blob = (w: World, bytes = model) => join(repoFolder(w), 'blobs', sha256(bytes));
const partial = (w: World, bytes = model) => `${blob(w, bytes)}.hneurons.incomplete`;

async function failsWith(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

test('a download lies in the cache as the Python client would have put it, and is used without the hub', async (t) => {
  const w = await world(t, { HF_TOKEN: 'hf_secret' });
  serve(w);
  const got = await w.resolve(`hf:${REPO}:q4_k_m`);
  assert.deepEqual(await readFile(got.path), Buffer.from(model));
  assert.equal(got.sha256, sha256(model));
  assert.equal(got.name, 'm-Q4_K_M');
  assert.equal(got.source, `hf:${REPO}@${COMMIT}/m-Q4_K_M.gguf`);
  assert.equal(got.path, join(repoFolder(w), 'snapshots', COMMIT, 'm-Q4_K_M.gguf'));
  assert.equal(await readFile(join(repoFolder(w), 'refs', 'main'), 'utf8'), COMMIT);
  assert.equal(await readlink(got.path), join('..', '..', 'blobs', sha256(model)));
  assert.deepEqual(await readdir(join(repoFolder(w), 'blobs')), [sha256(model)]);
  // The token is for the hub alone, not for the host that it redirects to.
  for (const { host, path, authorization } of w.server.seen) {
    assert.equal(authorization, host.startsWith('127.0.0.1') ? 'Bearer hf_secret' : undefined, path);
  }
  assert.ok(w.server.seen.some(({ host }) => host.startsWith('localhost')));

  await w.server.close();
  assert.deepEqual(await w.resolve(`hf:${REPO}:Q4_K_M`), got);
  assert.deepEqual(await w.resolve(`hf:${REPO}:m-Q4_K_M.gguf`, { offline: true }), got);
  await failsWith(w.resolve(`hf:${REPO}:Q8_0`, { offline: true }), /no GGUF that fits ":Q8_0"/);
  await failsWith(w.resolve(`hf:${REPO}:Q8_0`), /refuses the connection.*not in the cache.*pass its path/);
});

test('a cut connection is taken up where it broke off', async (t) => {
  const w = await world(t);
  serve(w);
  w.server.faults.push({ match: '/cdn/', cutAfter: 60_000 }, { match: '/cdn/', cutAfter: 40_000 });
  const progress: number[] = [];
  const got = await w.resolve(`hf:${REPO}:Q4_K_M`, { onProgress: ({ done }) => progress.push(done) });
  assert.deepEqual(await readFile(got.path), Buffer.from(model));
  const ranges = w.server.seen.filter(({ path }) => path.includes('/cdn/')).map(({ range }) => range);
  assert.deepEqual(ranges, [undefined, 'bytes=60000-', 'bytes=100000-']);
  assert.equal(progress.at(-1), model.length);
});

test('a server that falls silent is left and asked again', async (t) => {
  const w = await world(t);
  serve(w);
  w.server.faults.push({ match: '/cdn/', stallAfter: 60_000 });
  const got = await w.resolve(`hf:${REPO}:Q4_K_M`);
  assert.deepEqual(await readFile(got.path), Buffer.from(model));
});

test('an abort leaves a partial that the next call completes; nothing half-done is ever used', async (t) => {
  const w = await world(t);
  serve(w);
  w.server.faults.push({ match: '/cdn/', stallAfter: 60_000 });
  const stop = new AbortController();
  const running = w.resolve(`hf:${REPO}:Q4_K_M`, {
    signal: stop.signal,
    times: { ...TIMES, stallMs: 60_000 },
  });
  await w.server.reached('/cdn/');
  const reason = new Error('Ctrl-C');
  stop.abort(reason);
  await assert.rejects(running, reason);
  assert.equal((await stat(partial(w))).size, 60_000);
  await assert.rejects(stat(blob(w)));
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`, { offline: true }), /not in the cache/);

  await w.resolve(`hf:${REPO}:Q4_K_M`);
  assert.equal(w.server.seen.at(-1)?.range, 'bytes=60000-');
  assert.deepEqual(await readFile(blob(w)), Buffer.from(model));
});

test('a server that ignores Range requests does no harm', async (t) => {
  const w = await world(t);
  serve(w);
  w.server.faults.push(
    { match: '/cdn/', cutAfter: 70_000 },
    { match: '/cdn/', ignoreRange: true, cutAfter: 90_000 },
    { match: '/cdn/', ignoreRange: true },
  );
  const got = await w.resolve(`hf:${REPO}:Q4_K_M`);
  assert.deepEqual(await readFile(got.path), Buffer.from(model));
});

test('the Python client’s half-done download is taken over, unless it is being written', async (t) => {
  const w = await world(t);
  serve(w);
  await mkdir(join(repoFolder(w), 'blobs'), { recursive: true });
  const idle = `${blob(w)}.incomplete`;
  await writeFile(idle, model.subarray(0, 90_000));
  const past = new Date(Date.now() - 120_000);
  await utimes(idle, past, past);
  await writeFile(`${blob(w, other)}.incomplete`, other.subarray(0, 10_000));
  await w.resolve(`hf:${REPO}:Q4_K_M`);
  assert.equal(w.server.seen.at(-1)?.range, 'bytes=90000-');
  await w.resolve(`hf:${REPO}:Q8_0`);
  assert.equal(w.server.seen.at(-1)?.range, undefined);
  const left = (await readdir(join(repoFolder(w), 'blobs'))).filter((name) => name.includes('incomplete'));
  assert.deepEqual(left, [`${sha256(other)}.incomplete`]);
});

test('a wrong hash: deleted and said', async (t) => {
  const w = await world(t);
  serve(w);
  const lie = 'ab'.repeat(32);
  w.server.repos[REPO]!.claimedSha256 = { 'm-Q4_K_M.gguf': lie };
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`), /wrong hash .*expected abab.* was deleted/);
  assert.deepEqual(await readdir(join(repoFolder(w), 'blobs')), []);
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`, { offline: true }), /not in the cache/);
});

test('a spoilt partial is noticed at the end and the download starts again', async (t) => {
  const w = await world(t);
  serve(w);
  await mkdir(join(repoFolder(w), 'blobs'), { recursive: true });
  await writeFile(partial(w), noise(80_000, 99));
  const got = await w.resolve(`hf:${REPO}:Q4_K_M`);
  assert.deepEqual(await readFile(got.path), Buffer.from(model));
  assert.match(w.notices.join('\n'), /resumed download .* wrong hash .* starting it again/);
});

test('a partial longer than the file is thrown away, a complete one only checked', async (t) => {
  const w = await world(t);
  serve(w);
  await mkdir(join(repoFolder(w), 'blobs'), { recursive: true });
  await writeFile(partial(w), noise(300_000, 99));
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}:Q4_K_M`)).path), Buffer.from(model));
  await writeFile(partial(w, other), other);
  w.server.seen.length = 0;
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}:Q8_0`)).path), Buffer.from(other));
  assert.ok(!w.server.seen.some(({ path }) => path.includes('/cdn/')));
});

test('a blob cut short by others is not taken for the model', async (t) => {
  const w = await world(t);
  serve(w);
  const { path } = await w.resolve(`hf:${REPO}`).catch(() => w.resolve(`hf:${REPO}:Q8_0`));
  await truncate(path, 100);
  w.server.repos[REPO]!.commit = 'd'.repeat(40);
  w.env.HF_HUB_CACHE = join(w.folder, 'hf', 'hub');
  const again = await w.resolve(`hf:${REPO}:m-Q4_K_M.gguf`);
  assert.deepEqual(await readFile(again.path), Buffer.from(model));
});

test('429 and 5xx are tried again, after Retry-After where it is given', async (t) => {
  const w = await world(t);
  serve(w);
  w.server.faults.push(
    { match: '/api/', status: 429, headers: { 'retry-after': '0' } },
    { match: '/resolve/', status: 503, headers: { 'retry-after': '0' } },
  );
  // Without Retry-After the wait would be most of a minute.
  await w.resolve(`hf:${REPO}:Q4_K_M`, { times: { ...TIMES, backoffMs: 40_000 } });
  w.server.faults.push({ match: '/api/', status: 429, headers: { 'retry-after': '3600' } });
  await failsWith(w.resolve(`hf:${REPO}:Q8_0`), /too many requests/);
  w.server.faults.push({ match: '/api/', status: 500, times: 3 });
  await failsWith(w.resolve(`hf:${REPO}:Q8_0`), /status 500/);
});

test('missing, gated and private repositories are told apart', async (t) => {
  const w = await world(t);
  serve(w);
  await failsWith(
    w.resolve('hf:owner/nothing:Q4_K_M'),
    /no public repository owner\/nothing; check the name/,
  );
  w.server.faults.push({ match: '/resolve/', status: 403 });
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`), /denies access .* accept its terms .* HF_TOKEN/);
  w.server.faults.push({ match: '/api/', status: 401 });
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`), /no public repository/);
  w.env.HF_TOKEN = 'hf_old';
  w.server.faults.push({ match: '/api/', status: 401 });
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`), /does not accept the token/);
});

test('a revision is asked for by its name, and kept beside the others', async (t) => {
  const w = await world(t);
  serve(w);
  const commit = 'd'.repeat(40);
  w.server.repos[REPO].branches = { 'stage1/step1000': { commit, files: { 'm-Q4_K_M.gguf': other } } };
  const main = await w.resolve(`hf:${REPO}:Q4_K_M`);
  const step = await w.resolve(`hf:${REPO}@stage1/step1000:Q4_K_M`);
  assert.deepEqual(await readFile(main.path), Buffer.from(model));
  assert.deepEqual(await readFile(step.path), Buffer.from(other));
  assert.equal(step.name, 'm-Q4_K_M@stage1/step1000');
  assert.equal(step.source, `hf:${REPO}@${commit}/m-Q4_K_M.gguf`);
  assert.ok(w.notices.some((text) => text.includes(`hf:${REPO}@stage1/step1000:m-Q4_K_M.gguf`)));
  await w.server.close();
  assert.deepEqual(await w.resolve(`hf:${REPO}@stage1/step1000:Q4_K_M`), step);
  assert.equal((await w.resolve(`hf:${REPO}@${commit}`, { offline: true })).path, step.path);
  assert.deepEqual(await w.resolve(`hf:${REPO}:Q4_K_M`), main);
  for (const revision of ['..', 'a/../../b', '', '/a', 'a/']) {
    await failsWith(w.resolve(`hf:${REPO}@${revision}:Q4_K_M`), /is no repository; write hf:owner\/repo/);
  }
});

test('a page that is no hub is called so', async (t) => {
  const w = await world(t);
  serve(w);
  for (const body of ['<html>Please log in to the wifi</html>', '{"sha": 5}', 'null']) {
    w.server.faults.push({ match: '/api/', body });
    await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`), /not understood; is HF_ENDPOINT a hub/);
  }
});

test('a repository cannot write outside the cache', async (t) => {
  const w = await world(t);
  w.server.repos[REPO] = { commit: COMMIT, files: { '../../../../evil.gguf': model } };
  await failsWith(w.resolve(`hf:${REPO}`), /unsafe name/);
});

test('without a selector the only GGUF is taken; of several, none is guessed', async (t) => {
  const w = await world(t);
  serve(w);
  await failsWith(w.resolve(`hf:${REPO}`), /several GGUF files; .* m-Q4_K_M\.gguf, m-Q8_0\.gguf/);
  const small = { 'sub/only.gguf': other, 'README.md': model, 'mmproj-F16.gguf': model };
  w.server.repos['owner/one'] = { commit: COMMIT, files: small, inGit: ['sub/only.gguf'] };
  const got = await w.resolve('hf:owner/one');
  assert.deepEqual(await readFile(got.path), Buffer.from(other));
  // A file in git has no SHA-256 at the hub, but its object id was checked.
  assert.equal(got.sha256, undefined);
  assert.equal(w.notices.filter((text) => text.includes('licence on its card: mit')).length, 1);
});

test('all shards of a split model are fetched into one folder', async (t) => {
  const w = await world(t);
  const files = { 'big-Q8_0-00001-of-00002.gguf': model, 'big-Q8_0-00002-of-00002.gguf': other };
  w.server.repos[REPO] = { commit: COMMIT, files };
  const got = await w.resolve(`hf:${REPO}:Q8_0`);
  assert.match(got.path, /00001-of-00002\.gguf$/);
  assert.equal(got.name, 'big-Q8_0');
  assert.equal(got.sha256, undefined);
  assert.deepEqual(await readFile(got.path.replace('00001-of', '00002-of')), Buffer.from(other));
});
