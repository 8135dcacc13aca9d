import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { splitQuestions } from '../../src/pipeline/split.js';
import { sha256 } from '../models/server.js';
import { COMMIT, deadOrigin } from '../models/setup.js';
import { expectUserError } from '../support/expect-user-error.js';
import { parquet } from '../support/parquet.js';
import { type DataWorld, dataWorld, TRIVIA, triviaFile, triviaRows } from './setup.js';

const OTHER = 'd'.repeat(40);
const cache = (w: DataWorld) => join(w.folder, 'hf', 'hub', 'datasets--mandarjoshi--trivia_qa');
const files = (w: DataWorld) => w.server.repos[`datasets/${TRIVIA}`]!.files;
const downloads = (w: DataWorld) => w.server.seen.filter(({ path }) => path.startsWith('/cdn/'));

test('both splits by their own columns, cached as the Python client would, then without the hub', async (t) => {
  const w = await dataWorld(t, { HF_TOKEN: 'hf_secret' });
  const got = await w.open('triviaqa');
  assert.equal(got.name, 'triviaqa');
  assert.equal(got.source, `hf:datasets/${TRIVIA}@${COMMIT}`);
  assert.equal(got.questions.length, 400);
  assert.deepEqual(got.questions[203], {
    id: 'train_203',
    question: 'Which thing is number 203 of the train split?',
    aliases: ['Thing 203', '203th thing'],
    relation: 'triviaqa',
    split: 'train',
  });
  assert.equal(got.questions.filter(({ split }) => split === 'test').length, 100);
  assert.ok(w.notices.some((text) => text.includes('licence on its card: mit')));

  // The token is for the hub alone, not for the host that it redirects to.
  assert.ok(downloads(w).length === 3 && downloads(w).every(({ host }) => host.startsWith('localhost')));
  for (const { host, path, authorization } of w.server.seen) {
    assert.equal(authorization, host.startsWith('127.0.0.1') ? 'Bearer hf_secret' : undefined, path);
  }
  const blobs = Object.entries(files(w)).filter(([path]) => path.startsWith('rc.nocontext/'));
  assert.deepEqual(
    (await readdir(join(cache(w), 'blobs'))).sort(),
    blobs.map(([, bytes]) => sha256(bytes)).sort(),
  );
  assert.equal(await readFile(join(cache(w), 'refs', 'main'), 'utf8'), COMMIT);

  await w.server.close();
  assert.deepEqual(await w.open('triviaqa', { offline: true }), got);
  assert.deepEqual(await w.open('triviaqa'), got);
});

test('only the split that is asked for is downloaded; a choice is seeded, nested and even', async (t) => {
  const w = await dataWorld(t);
  const some = await w.open('triviaqa', { split: 'test', limit: 30, seed: 4 });
  assert.deepEqual(
    downloads(w).map(({ path }) => path.split('/').at(-1)),
    ['validation-00000-of-00001.parquet'],
  );
  assert.equal(some.questions.length, 30);
  const more = await w.open('triviaqa', { split: 'test', limit: 60, seed: 4 });
  assert.ok(some.questions.every(({ id }) => more.questions.some((other) => other.id === id)));
  const other = await w.open('triviaqa', { split: 'test', limit: 30, seed: 5 });
  assert.notDeepEqual(other.questions, some.questions);

  const both = await w.open('triviaqa', { limit: 90, seed: 4 });
  assert.equal(both.questions.filter(({ split }) => split === 'train').length, 45);
  const most = await w.open('triviaqa', { limit: 350, seed: 4 });
  assert.equal(
    most.questions.filter(({ split }) => split === 'test').length,
    100,
    'a small split is used up',
  );
  assert.equal(most.questions.length, 350);
});

test('a cut connection is resumed, 429 waited for, silence left', async (t) => {
  const w = await dataWorld(t);
  w.server.faults.push(
    { match: '/api/', status: 429, headers: { 'retry-after': '0' } },
    { match: '/cdn/', cutAfter: 3000 },
    { match: '/cdn/', status: 429, headers: { 'retry-after': '0' } },
    { match: '/cdn/', stallAfter: 500 },
  );
  const progress: number[] = [];
  const got = await w.open('triviaqa', { split: 'test', onProgress: ({ done }) => progress.push(done) });
  assert.equal(got.questions.length, 100);
  assert.deepEqual(
    downloads(w).map(({ range }) => range),
    [undefined, 'bytes=3000-', 'bytes=3000-', 'bytes=3500-'],
  );
  assert.equal(progress.at(-1), files(w)['rc.nocontext/validation-00000-of-00001.parquet']!.length);
});

test('a wait that is too long, 401 and 404 are one line that says what to do', async (t) => {
  const w = await dataWorld(t);
  w.server.faults.push({ match: '/api/', status: 429, headers: { 'retry-after': '7200' } });
  await expectUserError(() => w.open('triviaqa'), /too many requests/, /triviaqa=FILE/);
  await expectUserError(
    () => w.open('nq-open'),
    /no public repository google-research-datasets\/nq_open/,
    /HF_TOKEN/,
  );
  w.server.faults.push({ match: '/api/', status: 401 });
  await expectUserError(
    () => w.open('triviaqa', { env: { ...w.env, HF_TOKEN: 'x' } }),
    /does not accept the token/,
  );
  w.server.faults.push({ match: '/api/', status: 403 });
  await expectUserError(() => w.open('triviaqa'), /accept its terms/);
  w.server.faults.push({ match: '/api/', body: '<html>' });
  await expectUserError(() => w.open('triviaqa'), /is HF_ENDPOINT a hub/);
  const dead = { ...w.env, HF_ENDPOINT: await deadOrigin() };
  await expectUserError(() => w.open('triviaqa', { env: dead }), /refuses the connection/, /triviaqa=FILE/);
});

test('offline: what is in the cache, and a clear word about what is not', async (t) => {
  const w = await dataWorld(t, { HF_HUB_OFFLINE: '1' });
  await expectUserError(() => w.open('triviaqa'), /not in the cache/, /network is switched off/);
  assert.deepEqual(w.server.seen, []);
  await w.open('triviaqa', { offline: false, split: 'test' });
  assert.equal((await w.open('triviaqa', { split: 'test' })).questions.length, 100);
  await expectUserError(() => w.open('triviaqa'), /\(train\) is not in the cache/);
});

test('one of two files in the cache is not the split', async (t) => {
  const w = await dataWorld(t);
  w.server.faults.push({ match: 'train-00001', times: 9, status: 503 });
  await expectUserError(() => w.open('triviaqa', { split: 'train' }), /status 503/);
  await expectUserError(() => w.open('triviaqa', { split: 'train', offline: true }), /not in the cache/);
  w.server.faults.length = 0;
  assert.equal((await w.open('triviaqa', { split: 'train' })).questions.length, 300);
});

test('a download that is killed goes on where it was', async (t) => {
  const w = await dataWorld(t);
  w.server.faults.push({ match: '/cdn/', stallAfter: 4000 });
  const script = fileURLToPath(new URL('./killed.js', import.meta.url));
  const child = spawn(process.execPath, [script], { env: { ...process.env, ...w.env }, stdio: 'ignore' });
  await w.server.reached('/cdn/');
  // Until the bytes are on disk.
  const blob = sha256(files(w)['rc.nocontext/validation-00000-of-00001.parquet']!);
  const partial = join(cache(w), 'blobs', `${blob}.hneurons.incomplete`);
  const size = () =>
    stat(partial).then(
      ({ size }) => size,
      () => 0,
    );
  while ((await size()) < 4000) await new Promise((go) => setTimeout(go, 20));
  child.kill('SIGKILL');
  await new Promise((go) => child.once('exit', go));
  assert.equal((await w.open('triviaqa', { split: 'test' })).questions.length, 100);
  assert.equal(downloads(w).at(-1)!.range, 'bytes=4000-');
});

test('an abort stops a download and leaves its part', async (t) => {
  const w = await dataWorld(t);
  w.server.faults.push({ match: '/cdn/', stallAfter: 1000 });
  const stop = new AbortController();
  const running = w.open('triviaqa', { split: 'test', signal: stop.signal });
  await w.server.reached('/cdn/');
  stop.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
});

test('a set without Parquet files of its own is read from the branch that the hub converts it to', async (t) => {
  const w = await dataWorld(t);
  const shapes = {
    question: 'text',
    options: { A: 'text', B: 'text' },
    answer: 'text',
    answer_idx: 'text',
  } as const;
  const rows = (split: string) =>
    ['A', 'B'].map((letter) => ({
      question: `${split} ${letter}?`,
      options: { B: 'second', A: 'first' },
      answer: 'x',
      answer_idx: letter,
    }));
  w.server.repos['datasets/GBaker/MedQA-USMLE-4-options'] = {
    commit: COMMIT,
    files: { 'train.jsonl': new Uint8Array(10) },
    branches: {
      'refs/convert/parquet': {
        commit: OTHER,
        files: {
          'default/train/0000.parquet': parquet(shapes, rows('train')),
          'default/test/0000.parquet': parquet(shapes, rows('test')),
        },
      },
    },
  };
  const { questions, source } = await w.open('medqa');
  assert.equal(source, `hf:datasets/GBaker/MedQA-USMLE-4-options@${OTHER}`);
  assert.deepEqual(
    questions.map(({ id, aliases, options, kind, split }) => ({ id, aliases, options, kind, split }))[1],
    {
      id: 'medqa/train/1',
      aliases: ['B'],
      options: ['first', 'second'],
      kind: 'choice',
      split: 'train',
    },
  );
  assert.deepEqual(await w.open('medqa', { offline: true }), { name: 'medqa', source, questions });

  w.server.repos['datasets/basicv8vc/SimpleQA'] = { commit: COMMIT, files: { 'a.csv': new Uint8Array(1) } };
  await expectUserError(
    () => w.open('simpleqa'),
    /no Parquet files of "default" \/ "test"/,
    /NAME=FILE|simpleqa=FILE/,
  );
});

test('options in columns, letters as numbers, secret answers, one split alone', async (t) => {
  const w = await dataWorld(t);
  const options = { opa: 'text', opb: 'text', opc: 'text', opd: 'text' } as const;
  const row = (id: string, cop: number) => ({
    id,
    question: `${id}?`,
    opa: '1',
    opb: '2',
    opc: '3',
    opd: '4',
    cop,
    subject_name: 'Anatomy',
  });
  w.server.repos['datasets/openlifescienceai/medmcqa'] = {
    commit: COMMIT,
    files: {
      'data/validation-00000-of-00001.parquet': parquet(
        { id: 'text', question: 'text', ...options, cop: 'int', subject_name: 'text' },
        [row('a', 0), row('b', 3), row('c', -1), row('a', 1)],
      ),
    },
  };
  const { questions } = await w.open('medmcqa', { split: 'test' });
  assert.deepEqual(
    questions.map(({ id, aliases, relation, split }) => [id, aliases, relation, split]),
    [
      ['a', ['A'], 'Anatomy', 'test'],
      ['b', ['D'], 'Anatomy', 'test'],
    ],
  );
  assert.ok(w.notices.some((text) => /medmcqa: 1 left out: no answer.*validation row 3/.test(text)));
  assert.ok(
    w.notices.some((text) => /medmcqa: 1 left out: id … is already used.*validation row 4/.test(text)),
  );

  w.server.repos['datasets/cais/mmlu'] = {
    commit: COMMIT,
    files: {
      'all/test-00000-of-00001.parquet': parquet(
        { question: 'text', subject: 'text', choices: 'texts', answer: 'int' },
        [{ question: 'How many?', subject: 'algebra', choices: ['1', '2', '3', '0'], answer: 2 }],
      ),
    },
  };
  const mmlu = await w.open('mmlu');
  assert.deepEqual(mmlu.questions, [
    {
      id: 'mmlu/test/0',
      question: 'How many?',
      aliases: ['C'],
      relation: 'algebra',
      kind: 'choice',
      options: ['1', '2', '3', '0'],
    },
  ]);
});

test('rows without a usable answer are counted; a question in both splits is tested on in neither', async (t) => {
  const w = await dataWorld(t);
  const train = triviaRows('train', 5);
  const test = triviaRows('validation', 5);
  train[1].answer = { aliases: [], value: '' };
  train[2].answer = null;
  test[0].question = train[0].question;
  files(w)['rc.nocontext/train-00000-of-00001.parquet'] = triviaFile(train);
  delete files(w)['rc.nocontext/train-00000-of-00002.parquet'];
  delete files(w)['rc.nocontext/train-00001-of-00002.parquet'];
  files(w)['rc.nocontext/validation-00000-of-00001.parquet'] = triviaFile(test);
  const { questions } = await w.open('triviaqa');
  assert.equal(questions.length, 8);
  assert.ok(w.notices.some((text) => /^triviaqa: 2 left out: no accepted answer.*train row 2/.test(text)));
  const split = splitQuestions(questions, 1);
  assert.equal(split.length, 7);
  assert.ok(!split.some(({ id }) => id === 'validation_0'));
});

test('other columns than expected, and bytes that are no Parquet', async (t) => {
  const w = await dataWorld(t);
  const path = 'rc.nocontext/validation-00000-of-00001.parquet';
  files(w)[path] = parquet({ query: 'text', question_id: 'text' }, [{ query: 'q', question_id: '1' }]);
  await expectUserError(
    () => w.open('triviaqa', { split: 'test' }),
    /no column "question", "answer": its columns are query, question_id/,
  );
  const good = triviaFile(triviaRows('validation', 50));
  for (const [what, bytes] of Object.entries({
    noise: new TextEncoder().encode('not a table at all '.repeat(50)),
    empty: new Uint8Array(0),
    headless: good.subarray(100),
    footless: good.subarray(0, good.length - 9),
    scrambled: good.map((byte, i) => (i > 40 && i < 900 ? byte ^ 0x5a : byte)),
  })) {
    const file = join(w.folder, `${what}.parquet`);
    await writeFile(file, bytes);
    await expectUserError(
      () => w.open(`triviaqa=${file}`),
      /not a Parquet file that can be read|holds no question/,
      /\.parquet/,
    );
  }
});
