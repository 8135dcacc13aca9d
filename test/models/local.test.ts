import assert from 'node:assert/strict';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { UserError } from '../../src/errors.js';
import { ALIASES } from '../../src/models/aliases.js';
import { modelSha256 } from '../../src/models/hash.js';
import { listModels } from '../../src/models/list.js';
import { hubCache, hubToken, ollamaFolders, ownCache, packageIndex } from '../../src/models/places.js';
import { wheelModelPath } from '../../src/models/wheels.js';
import { noise, sha256 } from './server.js';
import { COMMIT, tinyAlias, tinyModel, type World, world } from './setup.js';

const model = noise(5000, 1);

async function failsWith(promise: Promise<unknown>, pattern: RegExp, exitCode = 1): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    assert.equal(error.exitCode, exitCode);
    return true;
  });
}

test('paths, and what happens to words that are none', async (t) => {
  const w = await world(t);
  const path = join(w.folder, 'some.gguf');
  await writeFile(path, model);
  assert.deepEqual(await w.resolve(path), { path, name: 'some', source: `file:${path}` });
  await failsWith(w.resolve(join(w.folder, 'none.gguf')), /cannot open .*none\.gguf: no such file/);
  await failsWith(w.resolve(w.folder), /is a folder/);
  await failsWith(w.resolve('gema'), /no model "gema": .*\(tiny\).*hf:owner\/repo.*ollama:NAME/, 2);
  await failsWith(w.resolve('hf:owner'), /write hf:owner\/repo/, 2);
  await failsWith(w.resolve('hf:../..:x'), /write hf:owner\/repo/, 2);
  await failsWith(w.resolve('https://example.org/x.gguf'), /is an address/, 2);
});

test('an alias wins over a file of its name, unless that is written as a path', async (t) => {
  const w = await world(t);
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(w.folder);
  await writeFile('tiny', model);
  await writeFile('plain', model);
  const target = wheelModelPath(w.env, tinyAlias());
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, tinyModel);
  assert.equal((await w.resolve('tiny')).path, target);
  assert.equal((await w.resolve('./tiny')).path, './tiny');
  assert.equal((await w.resolve('plain')).path, 'plain');
});

test('a cached file of the wrong length is not taken for the alias', async (t) => {
  const w = await world(t);
  const target = wheelModelPath(w.env, tinyAlias());
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, tinyModel);
  await truncate(target, 1000);
  await failsWith(w.resolve('tiny', { offline: true }), /not in the cache/);
});

async function installOllama(w: World, parts: string[], layers: unknown): Promise<void> {
  const path = join(w.folder, 'ollama', 'manifests', ...parts);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify({ schemaVersion: 2, layers }));
}

function layer(bytes: Uint8Array, mediaType = 'application/vnd.ollama.image.model') {
  return { mediaType, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
}

test('Ollama: names, tags, namespaces, hosts; broken and missing models', async (t) => {
  const w = await world(t);
  await failsWith(w.resolve('ollama:gemma3'), /no model gemma3 in .*ollama pull gemma3/);
  const licence = layer(noise(10, 9), 'application/vnd.ollama.image.license');
  await installOllama(w, ['registry.ollama.ai', 'library', 'gemma3', '270m'], [licence, layer(model)]);
  await installOllama(w, ['registry.ollama.ai', 'me', 'mine', 'latest'], [layer(model)]);
  await installOllama(w, ['hf.co', 'o', 'r', 'Q4_K_M'], [layer(model)]);
  await installOllama(w, ['registry.ollama.ai', 'library', 'gone', 'latest'], [layer(noise(3, 3))]);
  await installOllama(w, ['registry.ollama.ai', 'library', 'cloud', 'latest'], [licence]);
  await installOllama(w, ['registry.ollama.ai', 'library', 'odd', 'latest'], 'nonsense');
  const blob = join(w.folder, 'ollama', 'blobs', `sha256-${sha256(model)}`);
  await mkdir(dirname(blob), { recursive: true });
  await writeFile(blob, model);
  const found = { path: blob, name: 'gemma3-270m', source: 'ollama:gemma3:270m', sha256: sha256(model) };
  assert.deepEqual(await w.resolve('ollama:gemma3:270m'), found);
  assert.equal((await w.resolve('ollama:me/mine')).source, 'ollama:me/mine');
  assert.equal((await w.resolve('ollama:hf.co/o/r:Q4_K_M')).path, blob);
  await failsWith(
    w.resolve('ollama:gemma3'),
    /no model gemma3 .*it has ollama:gemma3:270m, .*ollama:me\/mine/,
  );
  await failsWith(w.resolve('ollama:gone'), /file is missing; fetch it again/);
  await failsWith(w.resolve('ollama:cloud'), /not stored as a GGUF/);
  await failsWith(w.resolve('ollama:odd'), /manifest .* cannot be read/);
  await failsWith(w.resolve('ollama:../../x'), /not a model name/, 2);
  await truncate(blob, 100);
  await failsWith(w.resolve('ollama:me/mine'), /not complete/);
});

test('Ollama: an adapter is refused, other layers that change what is written are named', async (t) => {
  const w = await world(t);
  const blobs = join(w.folder, 'ollama', 'blobs');
  await mkdir(blobs, { recursive: true });
  await writeFile(join(blobs, `sha256-${sha256(model)}`), model);
  const params = Buffer.from(JSON.stringify({ stop: ['<end>'], temperature: 0.2 }));
  await writeFile(join(blobs, `sha256-${sha256(params)}`), params);
  const other = (kind: string, bytes: Uint8Array = noise(7, 7)) =>
    layer(bytes, `application/vnd.ollama.image.${kind}`);
  const install = (name: string, ...layers: unknown[]) =>
    installOllama(w, ['registry.ollama.ai', 'library', name, 'latest'], layers);
  await install('bare', layer(model), other('license'));
  await install(
    'full',
    layer(model),
    other('template'),
    other('system'),
    other('params', params),
    other('projector'),
  );
  await install('tuned', layer(model), other('adapter'));
  await install('parts', layer(model), layer(noise(3, 3)));
  await w.resolve('ollama:bare');
  assert.deepEqual(w.notices, []);
  await w.resolve('ollama:full');
  assert.deepEqual(w.notices, [
    'ollama:full: only its weights are used, not its template, system, params (stop, temperature), projector',
  ]);
  await failsWith(w.resolve('ollama:tuned'), /model with a LoRA adapter/);
  await failsWith(w.resolve('ollama:parts'), /in 2 parts/);
});

test('the list: aliases with and without a file, then what the caches hold', async (t) => {
  const w = await world(t);
  const list = () => listModels({ env: w.env, aliases: [tinyAlias()] });
  const bare = await list();
  assert.deepEqual(
    bare.map(({ spec, path, size }) => [spec, path, size]),
    [['tiny', undefined, tinyModel.length]],
  );

  const repo = join(w.folder, 'hf', 'hub', 'models--some--model-GGUF');
  const old = 'd'.repeat(40);
  for (const commit of [COMMIT, old])
    await mkdir(join(repo, 'snapshots', commit, 'sub'), { recursive: true });
  await mkdir(join(repo, 'refs'));
  await mkdir(join(repo, 'blobs'));
  await writeFile(join(repo, 'refs', 'main'), COMMIT);
  await writeFile(join(repo, 'blobs', sha256(model)), model);
  const shards = ['sub/s-00001-of-00002.gguf', 'sub/s-00002-of-00002.gguf'];
  for (const shard of shards) {
    await symlink(`../../../blobs/${sha256(model)}`, join(repo, 'snapshots', COMMIT, shard));
  }
  await symlink('../../blobs/gone', join(repo, 'snapshots', COMMIT, 'dangling.gguf'));
  await writeFile(join(repo, 'snapshots', old, 'old.gguf'), model);
  await installOllama(w, ['registry.ollama.ai', 'library', 'mine', 'latest'], [layer(model)]);
  await mkdir(join(w.folder, 'ollama', 'blobs'));
  await writeFile(join(w.folder, 'ollama', 'blobs', `sha256-${sha256(model)}`), model);
  const target = wheelModelPath(w.env, tinyAlias());
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, tinyModel);
  await writeFile(join(dirname(target), 'x.gguf.part'), model);

  const oldPath = join(repo, 'snapshots', old, 'old.gguf');
  assert.deepEqual(
    (await list()).map(({ spec, kind, path, size }) => [kind, spec, path, size]),
    [
      ['alias', 'tiny', target, tinyModel.length],
      [
        'huggingface',
        'hf:some/model-GGUF:sub/s-00001-of-00002.gguf',
        join(repo, 'snapshots', COMMIT, shards[0]!),
        10_000,
      ],
      ['huggingface', oldPath, oldPath, 5000],
      ['ollama', 'ollama:mine', join(w.folder, 'ollama', 'blobs', `sha256-${sha256(model)}`), 5000],
    ],
  );
  // What the list says can be passed on.
  for (const { spec, path } of await list()) {
    assert.equal((await w.resolve(spec, { offline: true })).path, path);
  }
});

test('the hash of a file is remembered until the file changes', async (t) => {
  const w = await world(t);
  const path = join(w.folder, 'm-00001-of-00002.gguf');
  const second = join(w.folder, 'm-00002-of-00002.gguf');
  await writeFile(path, model);
  await writeFile(second, tinyModel);
  const resolved = await w.resolve(path);
  const whole = sha256(Buffer.concat([model, tinyModel]));
  assert.equal(await modelSha256(resolved, { env: w.env }), whole);
  assert.equal(await modelSha256(resolved, { env: w.env }), whole);
  await writeFile(second, model);
  assert.equal(await modelSha256(resolved, { env: w.env }), sha256(Buffer.concat([model, model])));
  await rm(second);
  await assert.rejects(modelSha256(resolved, { env: w.env }), /ENOENT/);
});

test('environment variables lead to the folders that the other tools use', async (t) => {
  assert.equal(ownCache({ HOME: '/h' }, 'linux'), '/h/.cache/hneurons');
  assert.equal(ownCache({ HOME: '/h', XDG_CACHE_HOME: '/x' }, 'linux'), '/x/hneurons');
  assert.equal(ownCache({ HOME: '/h' }, 'darwin'), '/h/Library/Caches/hneurons');
  assert.equal(ownCache({ LOCALAPPDATA: '/l' }, 'win32'), '/l/hneurons');
  assert.equal(ownCache({ HOME: '/h', HNEURONS_CACHE: '~/c' }, 'linux'), '/h/c');
  assert.equal(hubCache({ HOME: '/h' }), '/h/.cache/huggingface/hub');
  assert.equal(hubCache({ HOME: '/h', XDG_CACHE_HOME: '/x' }), '/x/huggingface/hub');
  assert.equal(hubCache({ HOME: '/h', HF_HOME: '~/hf' }), '/h/hf/hub');
  assert.equal(hubCache({ HF_HOME: '/a', HF_HUB_CACHE: '/b' }), '/b');
  assert.deepEqual(ollamaFolders({ HOME: '/h' }, 'darwin'), ['/h/.ollama/models']);
  assert.deepEqual(ollamaFolders({ OLLAMA_MODELS: '/o' }, 'linux'), ['/o']);
  const mirror = { simple: 'https://m.example/api/simple/', json: 'https://m.example/api/pypi/' };
  assert.deepEqual(packageIndex({ PIP_INDEX_URL: 'https://m.example/api/simple' }), mirror);
  assert.deepEqual(
    packageIndex({ HNEURONS_PYPI: 'https://m.example/api/simple/', PIP_INDEX_URL: 'x' }),
    mirror,
  );
  assert.equal(packageIndex({}).simple, 'https://pypi.org/simple/');
  const { folder } = await world(t);
  await writeFile(join(folder, 'token'), 'hf_saved\n');
  assert.equal(await hubToken({ HF_HOME: folder }), 'hf_saved');
  assert.equal(await hubToken({ HF_HOME: folder, HF_TOKEN: 'hf_named' }), 'hf_named');
});

test('the built-in table', () => {
  assert.equal(ALIASES.filter((alias) => alias.default).length, 1);
  for (const { sha256: pin, licence, wheels } of ALIASES) {
    assert.match(pin, /^[0-9a-f]{64}$/);
    assert.ok(licence.notice.length > 0 && wheels.parts.length > 0);
  }
});
