import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fakeChoices, fakeQuestions, TELLING_NEURON } from '../support/fake-engine.js';
import { startFakeServer } from '../support/fake-server.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** Sampling from a server, LLM judges and questions with options, through the whole command line. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const open = join(root, 'open.jsonl');
const choices = join(root, 'choices.jsonl');
const KEY = 'sk-very-secret';
const server = await startFakeServer({ logprobs: true });

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const write = (path: string, list: unknown[]) =>
    writeFileSync(path, list.map((one) => `${JSON.stringify(one)}\n`).join(''));
  write(open, fakeQuestions(24));
  write(
    choices,
    fakeChoices(24).map(({ aliases: [answer], ...rest }) => ({ ...rest, aliases: undefined, answer })),
  );
});

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, SERVER_KEY: KEY, ...env } });
  let stderr = '';
  let stdout = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  const done = new Promise<{ status: number | null; signal: string | null; stderr: string; stdout: string }>(
    (resolve) => child.once('close', (status, signal) => resolve({ status, signal, stderr, stdout })),
  );
  return { child, done };
}

const run = (args: string[], env?: Record<string, string>) => start(args, env).done;

function collect(out: string, questions: string, ...more: string[]): string[] {
  return [
    'collect',
    '--model',
    model,
    '--questions',
    questions,
    '--out',
    join(root, out),
    '--quota',
    '16',
    ...more,
  ];
}

const find = (...args: Parameters<typeof collect>) => [
  'find',
  ...collect(...args).slice(1),
  ...['--controls', '3', '--resamples', '3', '--C', '1,10', '--folds', '2', '--quiet'],
];

const endpoint = () => [
  '--endpoint',
  server.url,
  '--endpoint-model',
  'served',
  '--endpoint-key-env',
  'SERVER_KEY',
];

const read = (out: string, name: string) => readFileSync(join(root, out, name), 'utf8');

test('find over a server: neurons are read here, killed and resumed, and the key is written nowhere', async () => {
  const killed = await run(find('served', open, ...endpoint()), { KILL_AT: 'write:responses.jsonl:20' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const kept = read('served', 'responses.jsonl').split('\n').length - 1;
  assert.equal(kept, 19);
  server.requests.length = 0;
  const { status, stderr, stdout } = await run(find('served', open, ...endpoint(), '--json'));
  assert.equal(status, 0, stderr);
  const { stages, detector } = JSON.parse(stdout);
  assert.equal(stages.collect.counts.matched, 64);
  assert.equal(server.requests.length, stages.collect.counts.questions - kept);
  assert.ok(server.requests.every(({ authorization }) => authorization === `Bearer ${KEY}`));
  const [strongest] = [...detector.neurons].sort((a, b) => b.weight - a.weight);
  assert.equal(strongest.layer * 32 + strongest.index, TELLING_NEURON);
  const ids = read('served', 'responses.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  assert.equal(new Set(ids).size, ids.length);
  const files = readdirSync(join(root, 'served'), { recursive: true, withFileTypes: true });
  for (const file of files.filter((one) => one.isFile())) {
    const text = readFileSync(join(file.parentPath ?? file.path, file.name), 'utf8');
    assert.ok(!text.includes(KEY), file.name);
  }
  assert.equal(stages.collect.settings.endpoint, server.url);

  const elsewhere = await run(collect('served', open));
  assert.match(elsewhere.stderr, /^endpoint changed from http:\S+ to none, .*collect runs again/m);
});

test('a server that goes away is one line, and Ctrl-C while it hangs is code 130; the same command goes on', async () => {
  const own = await startFakeServer();
  const { reply } = own;
  const args = collect('gone', open, '--endpoint', own.url, '--endpoint-model', 'm', '--quiet');
  own.reply = (request, index) => (index < 12 ? reply(request, index) : { status: 401, body: '{}' });
  const gone = await run(args);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /^hneurons: 127\.0\.0\.1:\d+ denies access [^\n]+\n$/);
  own.reply = () => ({ hang: true });
  const asked = own.requests.length;
  const { child, done } = start(args);
  while (own.requests.length === asked) await sleep(5);
  child.kill('SIGINT');
  const stopped = await done;
  assert.equal(stopped.status, 130);
  assert.match(stopped.stderr, /^hneurons: stopped; the same command goes on from here\n$/);
  assert.ok(!existsSync(join(root, 'gone', 'lock')));
  own.reply = reply;
  const { status, stderr } = await run(args);
  assert.equal(status, 0, stderr);
});

test('an LLM as judge: verdicts with their source, broken answers left out and told of, settings in the manifest', async () => {
  const judge = await startFakeServer();
  judge.reply = ({ body }) => {
    const text = JSON.stringify(body.messages);
    if (/number 3 of/.test(text)) return 'I would rather not say';
    return /right/.test(text.slice(text.lastIndexOf('response')))
      ? '{"correct": true}'
      : '{"correct": false}';
  };
  const judged = [
    '--judge',
    'endpoint:judge-1',
    '--judge-url',
    judge.url,
    '--judge-cache',
    join(root, 'cache'),
  ];
  const args = collect('judged', open, ...judged);
  const killed = await run([...args, '--quiet'], { KILL_AT: 'write:responses.jsonl:20' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const { status, stderr } = await run(args);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^left out, \d+ of \d+ questions: \S+\/3 \(the judge gave no usable answer\)/m);
  const lines = read('judged', 'responses.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (const { id, class: kind, samples } of lines) {
    assert.equal(kind === 'failed', id.endsWith('/3'), id);
    for (const sample of samples) {
      assert.match(sample.judge, /^judge-1@127\.0\.0\.1:/);
      assert.ok(sample.promptVersion !== undefined && sample.raw !== undefined);
    }
  }
  const { settings, counts } = JSON.parse(read('judged', 'manifest.json')).stages.collect;
  assert.equal(settings.judge, 'endpoint:judge-1');
  assert.ok(counts.failed > 0);
  // Nothing that was paid for is asked again: each request has other contents, but for what was nonsense.
  const seen = judge.requests
    .map(({ body }) => JSON.stringify(body.messages))
    .filter((text) => !/number 3 of/.test(text));
  assert.equal(new Set(seen).size, seen.length);
});

test('questions with options from a file to the report; killed and resumed to the same result', async () => {
  const killed = await run(find('choice', choices), { KILL_AT: 'write:responses.jsonl:70' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  const { status, stderr, stdout } = await run(find('choice', choices, '--json'));
  assert.equal(status, 0, stderr);
  const { stages, detector } = JSON.parse(stdout);
  assert.equal(stages.collect.counts.matched, 64);
  const [strongest] = [...detector.neurons].sort((a, b) => b.weight - a.weight);
  assert.equal(strongest.layer * 32 + strongest.index, TELLING_NEURON);
  // The model's own score is asked with the options, too: it knows all that it chose rightly.
  assert.equal(detector.training.score.unsuppressed, 1);
  for (const line of read('choice', 'cases.jsonl').trim().split('\n')) {
    const one = JSON.parse(line);
    assert.match(one.answer, /^[A-D]$/);
    assert.equal(one.answer_end - one.answer_start, 1);
    assert.equal(one.class === 'faithful', one.answer === one.aliases[0]);
  }
  assert.ok(existsSync(join(root, 'choice', 'report.html')));
  const clean = await run(collect('clean', choices, '--quiet'));
  assert.equal(clean.status, 0, clean.stderr);
  assert.equal(read('choice', 'cases.jsonl'), read('clean', 'cases.jsonl'));
});
