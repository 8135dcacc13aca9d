import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/main.js';
import { type ChatRequest, startChatServer } from '../support/chat-server.js';
import { temporaryFolder } from '../support/temporary.js';

/** `hneurons judge`, against a real server on loopback. */
const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));
const SECRET = 'sk-very-secret';
process.env.JUDGE_TEST_KEY = SECRET;

async function run(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text;
    },
  });
  const status = await main(args, undefined, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { status, ...said };
}

async function assertRefused(args: string[], code: 1 | 2, ...patterns: RegExp[]): Promise<void> {
  const { status, stderr, stdout } = await run('judge', ...args, '--quiet');
  assert.equal(status, code, stderr);
  assert.match(stderr, /^hneurons: [^\n]+\n$/, 'one line');
  assert.equal(stdout, '');
  for (const pattern of patterns) assert.match(stderr, pattern);
}

const file = (name: string, ...lines: unknown[]) => {
  const path = join(root, name);
  writeFileSync(
    path,
    lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'),
  );
  return path;
};
const parse = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

const capital = { question: 'Capital of Peru?', aliases: ['Lima'] };
const answers = file(
  'answers.jsonl',
  { id: 'a', ...capital, responses: ['Lima', 'Quito', 'unknown'], judged: ['true', 'true', 'false'] },
  { id: 'b', question: 'Two and two?', answer: 4, response: '40', judged: ['true'] },
);
const sayLima = ({ body }: ChatRequest) =>
  JSON.stringify({ correct: JSON.parse(body.messages!.at(-1)!.content).response.includes('Lima') });
const endpoint = (url: string, cache: string) => [
  ...['--judge', 'endpoint:m', '--judge-url', url, '--judge-key-env', 'JUDGE_TEST_KEY'],
  ...['--judge-cache', join(root, cache), '--judge-retries', '0'],
];

test('a file is judged by rule: one line for each response, on stdout', async () => {
  const { status, stdout } = await run('judge', answers, '--quiet');
  assert.equal(status, 0);
  assert.deepEqual(parse(stdout), [
    { id: 'a', index: 0, question: 'Capital of Peru?', response: 'Lima', verdict: 'correct', judge: 'rule' },
    { id: 'a', index: 1, question: 'Capital of Peru?', response: 'Quito', verdict: 'wrong', judge: 'rule' },
    {
      id: 'a',
      index: 2,
      question: 'Capital of Peru?',
      response: 'unknown',
      verdict: 'uncertain',
      judge: 'rule',
    },
    { id: 'b', index: 0, question: 'Two and two?', response: '40', verdict: 'wrong', judge: 'rule' },
  ]);
  const csv = file(
    'answers.csv',
    'id,question,aliases,response',
    '7,Capital of Peru?,Lima|City of Kings,"Lima, yes"',
  );
  const [one] = parse((await run('judge', csv, '--quiet')).stdout);
  assert.deepEqual([one.id, one.verdict], ['7', 'correct']);
});

test('a file is judged by an endpoint, saved, and what failed is said', async () => {
  const server = await startChatServer((request) =>
    request.body.messages!.at(-1)!.content.includes('Two') ? 'eh?' : sayLima(request),
  );
  const save = join(root, 'judged.jsonl');
  const { status, stdout, stderr } = await run(
    ...['judge', answers, ...endpoint(server.url, 'c1'), '--save', save, '--json', '--quiet'],
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /nonsense.*1 items left out/);
  const { verdicts, counts } = JSON.parse(stdout);
  assert.deepEqual(verdicts, { correct: 1, wrong: 1, uncertain: 1, failed: 1 });
  assert.deepEqual(counts, { asked: 5, cached: 0, nonsense: 3, failed: 1 });
  const judged = parse(readFileSync(save, 'utf8'));
  assert.equal(judged[0].raw, '{"correct":true}');
  assert.equal(judged[0].promptVersion, 'verdict-1');
  assert.equal(judged[3].verdict, 'failed');
  assert.equal(server.requests[0].authorization, `Bearer ${SECRET}`);
  assert.ok(!(stdout + stderr + readFileSync(save, 'utf8')).includes(SECRET));

  const other = await run('judge', '--compare', save, file('mine.jsonl', ...judged.slice(1)), '--json');
  const { items, leftOut } = JSON.parse(other.stdout);
  assert.equal(items, 2);
  assert.deepEqual(leftOut, { onlyFirst: 1, onlySecond: 0, failedFirst: 1, failedSecond: 1 });
});

test('two judges over the same responses: agreement, kappa, table, disagreements', async () => {
  const { stdout } = await run('judge', answers, '--compare', 'given', 'rule', '--json', '--quiet');
  const result = JSON.parse(stdout);
  assert.deepEqual(result.table, [
    [1, 2, 0],
    [0, 0, 1],
    [0, 0, 0],
  ]);
  assert.equal(result.agreement.estimate, 0.25);
  // Agreement 1/4; by chance 3/4 * 1/4 + 1/4 * 2/4 = 5/16: kappa = (4/16 - 5/16) / (11/16).
  assert.ok(Math.abs(result.kappa.estimate - -1 / 11) < 1e-12);
  // Correct or not: equal for "Lima" and "unknown"; by chance 3/4 * 1/4 + 1/4 * 3/4 = 3/8.
  assert.ok(Math.abs(result.kappaCorrect.estimate - (1 / 2 - 3 / 8) / (5 / 8)) < 1e-12);
  assert.deepEqual(
    result.disagreements.map(({ id, index }: { id: string; index: number }) => `${id} ${index}`),
    ['a 1', 'a 2', 'b 0'],
  );
  const markdown = await run(
    'judge',
    answers,
    '--compare',
    'given',
    'rule:substring',
    '--examples',
    '1',
    '--quiet',
  );
  assert.match(markdown.stdout, /\| given \\ rule:substring \| correct \| wrong \| uncertain \|/);
  assert.match(
    markdown.stdout,
    /given correct, rule:substring wrong: 1\n- a, response 1: "Quito" to Capital of Peru\?/,
  );
});

test('a run folder is judged, and compared with its own verdicts', async () => {
  const folder = join(root, 'run');
  mkdirSync(folder);
  writeFileSync(join(folder, 'questions.jsonl'), `${JSON.stringify({ id: 'a', ...capital })}\n`);
  const sample = { index: 3, text: ' Lima', verdict: 'wrong', tokens: [1] };
  writeFileSync(
    join(folder, 'responses.jsonl'),
    `${JSON.stringify({ id: 'a', samples: [sample] })}\n{"id": "b", "sam`,
  );
  const { stdout } = await run('judge', folder, '--quiet');
  assert.deepEqual(parse(stdout)[0].verdict, 'correct');
  const compared = JSON.parse(
    (await run('judge', folder, '--compare', 'rule', 'given', '--json', '--quiet')).stdout,
  );
  assert.equal(compared.disagreements[0].index, 3);
  assert.equal(compared.kappa.estimate, 0);
});

test('mistakes are one line', async () => {
  await assertRefused([], 2, /--compare/);
  await assertRefused([answers, '--judge', 'gpt'], 2, /endpoint:MODEL/);
  await assertRefused([answers, '--compare', 'rule'], 2, /two/);
  await assertRefused([answers, '--compare', 'rule', 'nothing'], 2, /nothing/);
  await assertRefused([join(root, 'none.jsonl')], 1, /none\.jsonl/);
  await assertRefused([answers, '--judge', 'endpoint:m', '--judge-key-env', 'NO_SUCH_KEY'], 2, /NO_SUCH_KEY/);
  await assertRefused([answers, '--judge', 'endpoint:m', '--judge-url', 'nowhere'], 2, /no base URL/);
  await assertRefused([file('empty.jsonl', '')], 1, /no response/);
  await assertRefused(
    [
      file(
        'broken.jsonl',
        { question: 'q', response: 'r' },
        '{',
        { ...capital, response: 'x' },
        { ...capital, responses: ['x'], judged: [] },
      ),
    ],
    1,
    /3 broken lines/,
    /line 1: no accepted answer/,
    /line 2: not valid JSON/,
    /line 4: 0 verdicts in "judged" for 1 responses/,
  );
  await assertRefused(
    [file('twice.jsonl', { id: 'x', ...capital, response: 'x' }, { id: 'x', ...capital, response: 'y' })],
    1,
    /id "x" is already used in line 1/,
  );
  await assertRefused(
    [file('huge.jsonl', { ...capital, response: 'x'.repeat(2 ** 21) })],
    1,
    /longer than 1 MiB/,
  );
  await assertRefused(['--compare', answers, answers], 1, /line 1: not a judgement/);
  const bare = file('bare.jsonl', { ...capital, response: 'x' });
  await assertRefused([bare, '--compare', 'given', 'rule'], 1, /no verdicts/);
});

test('killed half-way (kill -9), the same command asks only what is left', async () => {
  const many = file(
    'many.jsonl',
    ...Array.from({ length: 60 }, (_, i) => ({ ...capital, response: `City ${i}` })),
  );
  let child: ReturnType<typeof spawn> | undefined;
  const server = await startChatServer((request, index) => {
    if (index === 20) child!.kill('SIGKILL');
    return index < 20 ? sayLima(request) : { hang: true };
  });
  const args = [
    'judge',
    many,
    ...endpoint(server.url, 'c2'),
    '--judge-concurrency',
    '1',
    '--save',
    join(root, 'many-judged.jsonl'),
  ];
  child = spawn(process.execPath, [bin, ...args], { stdio: 'ignore', env: process.env });
  await new Promise((done) => child!.once('close', done));
  assert.equal(existsSync(join(root, 'many-judged.jsonl')), false);
  const before = server.requests.length;
  server.reply = sayLima;
  const { status } = await run(...args, '--quiet');
  assert.equal(status, 0);
  assert.equal(server.requests.length - before, 40);
  assert.equal(parse(readFileSync(join(root, 'many-judged.jsonl'), 'utf8')).length, 60);
});

test('Ctrl-C ends a command whose server is silent, at once, with 130', async () => {
  let child: ReturnType<typeof spawn> | undefined;
  const server = await startChatServer((_, index) => {
    // Once: a second Ctrl-C would end it in another way.
    if (index === 0) setTimeout(() => child!.kill('SIGINT'), 50);
    return { hang: true };
  });
  child = spawn(process.execPath, [bin, 'judge', answers, ...endpoint(server.url, 'c3'), '--quiet'], {
    env: process.env,
  });
  let said = '';
  child.stderr!.on('data', (data) => {
    said += data;
  });
  const began = performance.now();
  const status = await new Promise((done) => child!.once('close', done));
  assert.equal(status, 130);
  assert.equal(said, 'hneurons: stopped; the same command goes on from here\n');
  assert.ok(performance.now() - began < 30_000, 'long before the time limit of 120 s');
});

test('a response that ends inside a thought is not judged, and counted', async () => {
  const thoughts = file(
    'thoughts.jsonl',
    { ...capital, response: '<think>Okay, the capital is Lima' },
    { ...capital, response: '<think>Lima or Cusco?</think>Cusco' },
  );
  const { status, stdout, stderr } = await run('judge', thoughts);
  assert.equal(status, 0);
  assert.deepEqual(
    parse(stdout).map(({ verdict }) => verdict),
    ['failed', 'wrong'],
  );
  assert.match(stderr, /1 of 2 responses end inside a thought: they have no answer and are not judged/);
});
