import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from '../models/server.js';
import { COMMIT } from '../models/setup.js';
import { fakeQuestions } from '../support/fake-engine.js';
import { parquet } from '../support/parquet.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** Data sets on the command line, over an engine whose truth is known. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const rows = fakeQuestions(30).map(({ id, question, aliases, relation }) => ({
  id,
  question,
  aliases,
  relation,
}));

/** Runs in `root`; not with spawnSync, as the server lives in this process. */
async function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [cli, ...args], { cwd: root, env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((done) => child.once('close', done));
  return { status, stdout, stderr };
}

const collect = (...more: string[]) => ['collect', '--model', model, '--quota', '24', '--quiet', ...more];

before(() => writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 }));

test('a file stands in for a set, and the run folder is named after the set', async () => {
  const file = join(root, 'mine.jsonl');
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const { status, stderr } = await run(collect('--dataset', `nq-open=${file}`));
  assert.equal(status, 0, stderr);
  const folder = join(root, 'runs', 'tiny-nq-open');
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  assert.equal(manifest.questions.source, file);
  assert.equal(manifest.questions.count, rows.length);
  const asked = readFileSync(join(folder, 'questions.jsonl'), 'utf8').trim().split('\n');

  const limited = await run(collect('--questions', file, '--limit', '200', '--out', join(root, 'limited')));
  assert.equal(limited.status, 0, limited.stderr);
  const fewer = readFileSync(join(root, 'limited', 'questions.jsonl'), 'utf8')
    .trim()
    .split('\n');
  assert.deepEqual([asked.length, fewer.length], [rows.length, 200]);
});

test('a set of the hub: splits of its own, twins and useless rows counted, offline the second time', async (t) => {
  const server = await startServer();
  t.after(() => server.close());
  const columns = {
    question: 'text',
    question_id: 'text',
    answer: { value: 'text', aliases: 'texts' },
  } as const;
  const row = ({ id, question, aliases }: (typeof rows)[number]) => ({
    question,
    question_id: id,
    answer: { value: aliases[0], aliases },
  });
  const half = (odd: number) => rows.filter((_, i) => i % 2 === odd).map(row);
  const twin = { ...half(0)[0], question_id: 'first/sure/twin' };
  const useless = { question: 'Nobody knows?', question_id: 'u', answer: { value: '', aliases: [] } };
  server.repos['datasets/mandarjoshi/trivia_qa'] = {
    commit: COMMIT,
    files: {
      'rc.nocontext/train-00000-of-00001.parquet': parquet(columns, half(0)),
      'rc.nocontext/validation-00000-of-00001.parquet': parquet(columns, [...half(1), twin, useless]),
    },
  };
  const env = { HF_ENDPOINT: server.origin, HF_HOME: join(root, 'hf') };
  const out = join(root, 'runs', 'tiny-triviaqa');
  const first = await run(collect('--dataset', 'triviaqa'), env);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stderr, /^Downloading mandarjoshi\/trivia_qa \(train\); licence on its card: mit\.$/m);
  assert.match(first.stderr, /^triviaqa: 1 left out: no accepted answer/m);
  assert.match(first.stderr, /^1 test question is left out: the training half has it too\.$/m);
  const questions = readFileSync(join(out, 'questions.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(questions.length, rows.length);
  const trained = new Set(half(0).map(({ question_id }) => question_id));
  for (const { id, split } of questions) assert.equal(split, trained.has(id) ? 'train' : 'test', id);

  await server.close();
  const again = await run(collect('--dataset', 'triviaqa'), { ...env, HF_HUB_OFFLINE: '1' });
  assert.equal(again.status, 0, again.stderr);
  assert.doesNotMatch(again.stderr, /Downloading/);
});

test('mistakes are one line, and nothing is made', async () => {
  for (const [args, code, pattern] of [
    [['--dataset', 'facts', '--questions', 'q.csv'], 2, /give one of them/],
    [['--dataset', 'triviqa'], 2, /no data set "triviqa": give one of facts, triviaqa/],
    [['--dataset', 'bioasq'], 2, /bioasq needs your own file: register at https/],
    [['--dataset', 'nonexist', '--limit', '0'], 2, /--limit.*at least 1/],
    [['--dataset', 'nq-open=none.jsonl'], 1, /cannot read none\.jsonl/],
  ] as const) {
    const { status, stderr } = await run(collect(...args, '--out', join(root, 'nothing')));
    assert.equal(status, code, stderr);
    assert.match(stderr, /^hneurons: [^\n]+\n$/);
    assert.match(stderr, pattern);
  }
  assert.ok(!existsSync(join(root, 'nothing')));
});
