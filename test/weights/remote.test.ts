import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { measureDrift } from '../../src/drift/measure.js';
import { openWeights } from '../../src/weights/open.js';
import { fetchFfn } from '../../src/weights/remote.js';
import { startServer, type TestServer } from '../models/server.js';
import { expectUserError } from '../support/expect-user-error.js';
import { writeCheckpoint } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const COMMIT = 'c'.repeat(40);
const names = (i: number) => `model-0000${i}-of-00003.safetensors`;

describe('a checkpoint on the hub', () => {
  let server: TestServer;
  let fresh = 0;
  const local = writeCheckpoint(join(folder, 'local'), { moved: false, sharded: true });
  const env = () => ({
    HF_ENDPOINT: server.origin,
    HOME: folder,
    HNEURONS_CACHE: join(folder, `cache-${fresh}`),
  });
  const times = { backoffMs: 1, stallMs: 1000 };
  const fetch = (more = {}, revision = 'main') =>
    fetchFfn({ repo: 'lab/model', revision }, { env: env(), times, ...more });
  before(async () => {
    server = await startServer();
    const file = (name: string) => readFileSync(join(local, name));
    const files = [
      'config.json',
      'tokenizer.json',
      'model.safetensors.index.json',
      names(1),
      names(2),
      names(3),
    ];
    server.repos['lab/model'] = {
      commit: COMMIT,
      files: {
        ...Object.fromEntries(files.map((name) => [name, file(name)])),
        'README.md': Buffer.from('x'),
      },
      inGit: files.filter((name) => name.endsWith('.json')),
    };
  });
  after(() => server.close());
  const ranges = () => server.seen.filter(({ path, range }) => path.includes('.safetensors') && range);

  test('only headers and FFN matrices are asked for, and drift is that of the local files', async () => {
    server.seen.length = 0;
    const path = await fetch();
    const [there, here] = [await openWeights(path), await openWeights(local)];
    const drift = await measureDrift(there, here);
    assert.ok(drift.up.every((value) => value < 1e-12) && drift.down.every((value) => value < 1e-12));
    const { offset, rowBytes, rows } = here.matrix(1, 'gate')!;
    const asked = ranges()
      .filter(({ path: of }) => of.includes(names(2)))
      .map(({ range }) => /bytes=(\d+)-(\d+)/.exec(range!)!.slice(1).map(Number));
    // Layer 1 is the second shard.
    assert.ok(asked.some(([from, to]) => from <= offset && to >= offset + rows * rowBytes - 1));
    // The first shard has the embedding too, in front of the matrices: it is never asked for.
    const embedding = 8 + 1001;
    assert.ok(
      ranges()
        .filter(({ path: of }) => of.includes(names(1)))
        .map(({ range }) => /bytes=(\d+)-(\d+)/.exec(range!)!.slice(1).map(Number))
        .every(([from, to]) => !(from <= embedding && to >= embedding)),
    );
    assert.equal(statSync(join(path, names(1))).size, statSync(join(local, names(1))).size);
  });
  test('nothing is fetched twice, also without a network', async () => {
    server.seen.length = 0;
    await fetch();
    assert.deepEqual(ranges(), []);
    server.seen.length = 0;
    assert.ok(await fetch({ offline: true }));
    assert.equal(server.seen.length, 0);
  });
  test('cut and stalled connections, 429 and 503 are got over', async () => {
    fresh++;
    server.faults.push(
      { match: `lab/model/${names(2)}`, cutAfter: 100 },
      { match: `lab/model/${names(2)}`, stallAfter: 200 },
      { match: `resolve/${COMMIT}/${names(3)}`, status: 429, headers: { 'retry-after': '0' } },
      { match: `resolve/${COMMIT}/${names(3)}`, status: 503 },
    );
    const there = await openWeights(await fetch());
    assert.ok(server.faults.every(({ times: left }) => left === 0));
    server.faults.length = 0;
    const drift = await measureDrift(there, await openWeights(local));
    assert.ok(drift.down.every((value) => value < 1e-12));
  });
  test('a download that was stopped goes on with what is missing', async () => {
    fresh++;
    const stop = new AbortController();
    server.faults.push({ match: `lab/model/${names(3)}`, stallAfter: 0, times: 9 });
    const stopped = fetch({ signal: stop.signal, times: { ...times, stallMs: 20_000 } });
    await server.reached(names(3));
    stop.abort(new Error('stopped by hand'));
    await assert.rejects(stopped, /stopped by hand/);
    server.faults.length = 0;
    server.seen.length = 0;
    const path = await fetch();
    assert.ok(
      ranges()
        .filter(({ path: asked }) => asked.includes(names(1)))
        .every(({ range }) => /bytes=(0-7|8-\d+)$/.test(range!)),
      'the first shard is there already',
    );
    const drift = await measureDrift(await openWeights(path), await openWeights(local));
    assert.ok(drift.up.every((value) => value < 1e-12));
  });
  test('a revision is fetched into a folder of its own, and found there without a network', async () => {
    fresh++;
    const moved = writeCheckpoint(join(folder, 'moved'), { moved: true });
    const commit = 'd'.repeat(40);
    const files = Object.fromEntries(
      ['config.json', 'tokenizer.json', 'model.safetensors'].map((name) => [
        name,
        readFileSync(join(moved, name)),
      ]),
    );
    server.repos['lab/model'].branches = { 'stage1/step1000': { commit, files } };
    const [main, step] = [await fetch(), await fetch({}, 'stage1/step1000')];
    assert.notEqual(main, step);
    server.seen.length = 0;
    for (const revision of ['stage1/step1000', commit]) {
      assert.equal(await fetch({ offline: true }, revision), step);
    }
    assert.equal(await fetch({ offline: true }), main);
    assert.equal(server.seen.length, 0);
    const there = await openWeights(step);
    const same = await measureDrift(there, await openWeights(moved));
    assert.ok(same.up.every((value) => value < 1e-12));
    const other = await measureDrift(await openWeights(main), there);
    assert.ok(other.up.every((value) => value > 1e-6));
    await expectUserError(
      () => fetch({}, 'step7'),
      /^hf:lab\/model@step7: .*no public repository lab\/model@step7; check the name and the revision/,
    );
  });
  test('a shard that was deleted or cut from the cache is fetched again', async () => {
    fresh++;
    const path = await fetch();
    const reference = await openWeights(local);
    const heals = async () => {
      await assert.doesNotReject(fetch());
      const drift = await measureDrift(await openWeights(path), reference);
      assert.ok(drift.up.every((value) => value < 1e-12) && drift.down.every((value) => value < 1e-12));
    };
    rmSync(join(path, names(2)));
    await expectUserError(() => fetch({ offline: true }), /not in the cache .* network is switched off/);
    server.seen.length = 0;
    await heals();
    assert.ok(ranges().some(({ path: of }) => of.includes(names(2))));
    assert.ok(
      ranges()
        .filter(({ path: of }) => !of.includes(names(2)))
        .every(({ range }) => /bytes=(0-7|8-\d+)$/.test(range!)),
      'the others are there',
    );
    truncateSync(join(path, names(3)), 2000);
    await heals();
    // A download that was cut off half-way: the list has a part of the ranges, and the file is gone.
    rmSync(join(path, 'whole.json'));
    rmSync(join(path, names(1)));
    const list = `${join(path, names(1))}.done.jsonl`;
    const lines = readFileSync(list, 'utf8').trim().split('\n');
    assert.ok(lines.length > 1);
    writeFileSync(list, `${lines.slice(0, -1).join('\n')}\n`);
    await heals();
  });
  test('a repository that cannot be read in the end is refused before its weights are fetched', async () => {
    const refused = async (repo: string, pattern: RegExp) => {
      server.seen.length = 0;
      await expectUserError(() => fetchFfn({ repo, revision: 'main' }, { env: env(), times }), pattern);
      assert.ok(!server.seen.some(({ path }) => path.endsWith('.safetensors')));
    };
    const { 'model.safetensors.index.json': index, ...rest } = server.repos['lab/model'].files;
    const { [names(3)]: _, ...fewer } = server.repos['lab/model'].files;
    const { inGit } = server.repos['lab/model'];
    server.repos['lab/no-index'] = { commit: 'e'.repeat(40), files: rest, inGit };
    await refused('lab/no-index', /^hf:lab\/no-index: the repository has neither/);
    server.repos['lab/fewer'] = { commit: 'e'.repeat(40), files: fewer, inGit };
    await refused('lab/fewer', /^hf:lab\/fewer: .*lacks 1 of the 3 shards.*model-00003-of-00003/);
    const hostile = Buffer.from(String(index).replaceAll(names(2), `../../${names(2)}`));
    server.repos['lab/hostile'] = {
      commit: 'e'.repeat(40),
      files: { ...rest, 'model.safetensors.index.json': hostile },
      inGit,
    };
    await refused('lab/hostile', /index\.json of hf:lab\/hostile names .*files beside the index/);
  });
  test('a server without ranges, a repository without weights, none at all', async () => {
    fresh++;
    server.faults.push(
      { match: names(1), ignoreRange: true, times: 9 },
      { match: `resolve/${COMMIT}/${names(1)}`, ignoreRange: true },
    );
    await expectUserError(() => fetch(), /^hf:lab\/model: .*whole files only/);
    server.faults.length = 0;
    server.repos['lab/empty'] = { commit: COMMIT, files: { 'README.md': Buffer.from('x') } };
    await expectUserError(
      () => fetchFfn({ repo: 'lab/empty', revision: 'main' }, { env: env(), times }),
      /has neither model\.safetensors nor model\.safetensors\.index\.json/,
    );
    await expectUserError(
      () => fetchFfn({ repo: 'lab/none', revision: 'main' }, { env: env(), times }),
      /has no public repository lab\/none/,
    );
    fresh++;
    await expectUserError(() => fetch({ offline: true }), /not in the cache .* network is switched off/);
  });
});
