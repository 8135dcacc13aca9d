import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { isSafePath } from '../../src/models/hubPath.js';
import { wheelModelPath } from '../../src/models/wheels.js';
import { shardsInIndex } from '../../src/weights/checkpoint-files.js';
import { noise, sha256 } from './server.js';
import { COMMIT, serveWheels, tinyAlias, tinyModel, type World, world } from './setup.js';

/** A hub, an index or a cache that does not tell the truth: nothing leaves the cache, nothing unchecked is used. */
const model = noise(20_000, 1);
const other = noise(20_000, 2);
const REPO = 'owner/model-GGUF';
const FILE = 'm-Q4_K_M.gguf';

const repoFolder = (w: World) => join(w.folder, 'hf', 'hub', 'models--owner--model-GGUF');

async function failsWith(promise: Promise<unknown>, pattern: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** All that lies in the world's folder. */
async function everything(w: World): Promise<string[]> {
  return (await readdir(w.folder, { recursive: true })).sort();
}

test('object ids, hashes, sizes and commits of the wrong form are refused before anything is written', async (t) => {
  const w = await world(t);
  const bad = '../../../../../outside';
  const claims: object[] = [
    ...[bad, '', 'A'.repeat(40), 'a'.repeat(39), 'a'.repeat(64), `${'a'.repeat(40)}\n`, 5, null].map(
      (oid) => ({ lfs: undefined, oid }),
    ),
    { lfs: undefined, oid: undefined },
    ...[bad, 'a'.repeat(40), `/${'a'.repeat(63)}`, `${'a'.repeat(64)}/`].map((oid) => ({
      lfs: { oid, size: 5, pointerSize: 1 },
    })),
    ...[-1, 0.5, 1e300, '5', null].map((size) => ({
      lfs: { oid: 'a'.repeat(64), size, pointerSize: 1 },
    })),
    ...[-1, 0.5, 1e300].map((size) => ({ size, lfs: undefined })),
  ];
  const before = await everything(w);
  for (const claim of claims) {
    w.server.repos[REPO] = { commit: COMMIT, files: { [FILE]: model }, claims: { [FILE]: claim } };
    await failsWith(w.resolve(`hf:${REPO}`), /not understood|no valid object id/);
    assert.deepEqual(await everything(w), before, JSON.stringify(claim));
  }
  for (const commit of [bad, 'main', 'c'.repeat(39), `${COMMIT}/..`]) {
    w.server.repos[REPO] = { commit, files: { [FILE]: model } };
    await failsWith(w.resolve(`hf:${REPO}`), /not understood/);
    assert.deepEqual(await everything(w), before, commit);
  }
});

const UNSAFE = [
  '../x.gguf',
  'a/../../x.gguf',
  './x.gguf',
  '/etc/x.gguf',
  'a//x.gguf',
  'a\\..\\x.gguf',
  '\\\\host\\x.gguf',
  'C:x.gguf',
  'x.gguf:stream.gguf',
  'a\u0000.gguf',
  'a\u001b[2J.gguf',
  'a\n.gguf',
  'a\u202efugg.gguf',
  'con.gguf',
  'NUL.x.gguf',
  'lpt1/x.gguf',
  '.. /x.gguf',
  'a./x.gguf',
  `${'a'.repeat(300)}.gguf`,
  `${'a/'.repeat(600)}x.gguf`,
];

test('unsafe names of files are refused before anything is written', async (t) => {
  const w = await world(t);
  const before = await everything(w);
  for (const path of UNSAFE) {
    w.server.repos[REPO] = { commit: COMMIT, files: { [path]: model } };
    await failsWith(w.resolve(`hf:${REPO}`), /unsafe name/);
    assert.deepEqual(await everything(w), before, path);
  }
  for (const path of ['a/b.c/x.gguf', 'конь.gguf', 'console.gguf', '.x/y z.gguf', '..a.gguf']) {
    assert.equal(isSafePath(path), true, path);
  }
  for (const name of ['../x.safetensors', 'a/x.safetensors', '..', 'nul', 'x\u001b.safetensors', 'x:y', '']) {
    assert.throws(() => shardsInIndex({ weight_map: { t: name } }, 'index.json'), UserError);
  }
  for (const repo of ['a--b/c', 'a/b--c', '../c', 'a/..', 'con/x']) {
    await failsWith(w.resolve(`hf:${repo}`), /is no repository/);
  }
});

test('a file that lies where the blob belongs is used only if its hash is right', async (t) => {
  const w = await world(t);
  w.server.repos[REPO] = { commit: COMMIT, files: { [FILE]: model } };
  const blob = join(repoFolder(w), 'blobs', sha256(model));
  const pointer = join(repoFolder(w), 'snapshots', COMMIT, FILE);
  await mkdir(dirname(blob), { recursive: true });
  // Of the right size, too.
  await writeFile(blob, other);
  const got = await w.resolve(`hf:${REPO}`);
  assert.deepEqual(await readFile(got.path), Buffer.from(model));

  // A pointer to another file, and one that is a file itself.
  const elsewhere = join(w.folder, 'elsewhere.gguf');
  await writeFile(elsewhere, other);
  await rm(pointer);
  await symlink(elsewhere, pointer);
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}`)).path), Buffer.from(model));
  assert.deepEqual(await readFile(elsewhere), Buffer.from(other));
  await rm(pointer);
  await writeFile(pointer, other);
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}`)).path), Buffer.from(model));

  // Found by its name in the cache alone.
  await writeFile(blob, other);
  await failsWith(w.resolve(`hf:${REPO}:Q4_K_M`, { offline: true }), /is not in the cache/);
  assert.match(w.notices.at(-1) ?? '', /in the cache is damaged/);
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}:Q4_K_M`)).path), Buffer.from(model));
});

test('a file in git is checked by its object id', async (t) => {
  const w = await world(t);
  w.server.repos[REPO] = { commit: COMMIT, files: { [FILE]: model }, inGit: [FILE] };
  const { path } = await w.resolve(`hf:${REPO}`);
  await writeFile(path, other);
  await failsWith(w.resolve(`hf:${REPO}`, { offline: true }), /is not in the cache/);
  assert.deepEqual(await readFile((await w.resolve(`hf:${REPO}`)).path), Buffer.from(model));
});

test('what was downloaded is not read a second time', async (t) => {
  const w = await world(t);
  w.server.repos[REPO] = { commit: COMMIT, files: { [FILE]: model } };
  const { path } = await w.resolve(`hf:${REPO}`);
  const requests = w.server.seen.length;
  const hashes = await readdir(join(w.folder, 'own', 'hashes'));
  assert.equal(hashes.length, 1);
  assert.equal((await w.resolve(`hf:${REPO}:Q4_K_M`)).path, path);
  assert.equal(w.server.seen.length, requests);
  assert.deepEqual(await readdir(join(w.folder, 'own', 'hashes')), hashes);
});

test('the token does not follow the listing to another host', async (t) => {
  const w = await world(t, { HF_TOKEN: 'hf_secret' });
  const elsewhere = w.server.origin.replace('127.0.0.1', 'localhost');
  const nextPage = `${elsewhere}/api/models/${REPO}/tree/${COMMIT}?page=2`;
  const repo = { commit: COMMIT, files: { [FILE]: model }, nextPage };
  w.server.repos[REPO] = repo;
  w.server.faults.push({ match: 'page=2', body: '[]' });
  await w.resolve(`hf:${REPO}`);
  assert.ok(w.server.seen.some(({ path }) => path.includes('page=2')));
  for (const { host, authorization } of w.server.seen) {
    if (host.startsWith('localhost')) assert.equal(authorization, undefined);
  }
});

test('an alias of the right length and the wrong content is fetched again', async (t) => {
  const w = await world(t);
  const target = wheelModelPath(w.env, tinyAlias());
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, noise(tinyModel.length, 99));
  await failsWith(w.resolve('tiny', { offline: true }), /not in the cache/);
  assert.match(w.notices.at(-1) ?? '', /in the cache is damaged/);
  serveWheels(w.server);
  assert.deepEqual(await readFile((await w.resolve('tiny')).path), Buffer.from(tinyModel));
});

test('a package index with impossible sizes and addresses is one line', async (t) => {
  const w = await world(t);
  serveWheels(w.server);
  const hashes = { sha256: 'a'.repeat(64) };
  for (const file of [
    { url: 'http://', hashes },
    { url: 'file:///etc/passwd', hashes },
    { url: 'x.whl', hashes, size: -1 },
    { url: 'x.whl', hashes, size: 1e300 },
    { url: 'x.whl', hashes: { sha256: '../../x' } },
    // Far more than the file that it is to hold a part of.
    { url: `${w.server.origin}/files/tiny_part1-1.0.0-py3-none-any.whl`, hashes, size: 1e9 },
  ]) {
    const files = [{ filename: 'tiny_part1-1.0.0-py3-none-any.whl', ...file }];
    const headers = { 'content-type': 'application/vnd.pypi.simple.v1+json' };
    w.server.faults.push({ match: '/simple/tiny-part1/', headers, body: JSON.stringify({ files }) });
    await failsWith(w.resolve('tiny'), /cannot get tiny: .*(has no wheel|failed|more bytes than the file)/);
    assert.ok(!(await everything(w)).some((path) => path.includes('passwd')));
  }
});

test('a listing without end is left', async (t) => {
  const w = await world(t);
  w.server.faults.push({ match: '/api/', body: ' '.repeat(70 << 20) });
  await failsWith(w.resolve(`hf:${REPO}`), /sends an answer without end/);
});
