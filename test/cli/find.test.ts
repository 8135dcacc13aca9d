import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fakeQuestions, TELLING_NEURON } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** The whole command line over an engine whose truth is known, killed, stopped, starved of disk, and run again. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const questions = join(root, 'questions.jsonl');
const finished = join(root, 'finished');
/** Files that must come out the same, however often the run was cut off. */
const RESULTS = ['cases.jsonl', 'features.safetensors', 'detector.json', 'evaluation.json', 'controls.json'];

function find(out: string, ...more: string[]): string[] {
  const settings = ['--controls', '3', '--resamples', '4', '--C', '1,10', '--folds', '2'];
  return ['find', ...collect(out).slice(1), ...settings, ...more];
}

/** The first stage alone, with the same settings. */
function collect(out: string, ...more: string[]): string[] {
  return ['collect', '--model', model, '--questions', questions, '--out', out, '--quota', '24', ...more];
}

function run(args: string[], env: Record<string, string> = {}) {
  const result = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { ...result, lines: result.stderr.trim().split('\n') };
}

function assertSame(folder: string, names = RESULTS): void {
  for (const name of names) {
    const same = readFileSync(join(folder, name)).equals(readFileSync(join(finished, name)));
    assert.ok(same, `${name} differs from the uninterrupted run`);
  }
  const leftovers = readdirSync(folder).filter((name) => name === 'lock' || name.endsWith('.tmp'));
  assert.deepEqual(leftovers, []);
}

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  writeFileSync(
    questions,
    fakeQuestions(30)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const { status, stderr } = run(find(finished, '--quiet'));
  assert.equal(status, 0, stderr);
});

test('the neuron that tells is found, and beats its control', () => {
  const detector = JSON.parse(readFileSync(join(finished, 'detector.json'), 'utf8'));
  const [strongest] = [...detector.neurons].sort((a, b) => b.weight - a.weight);
  assert.equal(strongest.layer * 32 + strongest.index, TELLING_NEURON);
  assert.ok(detector.test.auroc.estimate > 0.95);
  const report = JSON.parse(readFileSync(join(finished, 'report.json'), 'utf8'));
  assert.equal(report.test.faithful, 24);
  assert.equal(report.test.hallucinated, 24);
  assert.equal(report.examples.length, 12);
  const page = readFileSync(join(finished, 'report.html'), 'utf8');
  assert.match(page, /<html/);
  assert.match(page, /<a href="#intervention">Do they matter/);
  // What the short check has not turned or asked is not spoken of.
  const check = page.slice(page.indexOf('<section id="intervention">'));
  const matter = check.slice(0, check.indexOf('</section>'));
  assert.match(matter, /3 control sets of other neurons are turned in the same way: ones of the same layers/);
  assert.doesNotMatch(matter, /random ones|twins fall/);
});

test('the check at its end is small enough for a laptop: few items, three alphas, three matched controls', () => {
  const found = JSON.parse(readFileSync(join(finished, 'intervention/causal.json'), 'utf8'));
  assert.deepEqual(found.alphas, [0, 1, 2]);
  assert.deepEqual(
    found.sets.map(({ kind }: { kind: string }) => kind),
    ['h-neurons', ...Array(3).fill('layer-matched')],
  );
  const [{ name, items, twins }] = found.benchmarks;
  assert.deepEqual([name, twins], ['counterfactual', 0]);
  // Of three relations up to eight each, though an eighth of all would be three.
  assert.ok(items > 18 && items <= 24, `${items}`);
  const answers = readFileSync(join(finished, 'intervention/answers.jsonl'), 'utf8').trim().split('\n');
  const asked = new Map<string, number>();
  for (const { benchmark } of answers.map((line) => JSON.parse(line)))
    asked.set(benchmark, (asked.get(benchmark) ?? 0) + 1);
  // The model as it is, and four sets at two alphas; beside its items, as many plain questions and twelve openings.
  assert.deepEqual(Object.fromEntries(asked), {
    counterfactual: 9 * items,
    facts: 9 * items,
    prose: 9 * 12,
  });
});

test('train and test cases share no question, classes are matched within relations', () => {
  const cases = readFileSync(join(finished, 'cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(cases.length, 96);
  const groups = new Map<string, string>();
  const balance = new Map<string, number>();
  for (const one of cases) {
    assert.equal(groups.get(one.group) ?? one.split, one.split);
    groups.set(one.group, one.split);
    const key = `${one.split} ${one.relation}`;
    balance.set(key, (balance.get(key) ?? 0) + (one.class === 'faithful' ? 1 : -1));
    const answer = Buffer.from(one.token_ids.slice(one.answer_start, one.answer_end)).toString();
    assert.equal(answer, one.answer);
    assert.match(answer, one.class === 'faithful' ? /^right/ : /^wrong/);
  }
  assert.ok([...balance.values()].every((difference) => difference === 0));
});

test('killed at any moment, the same command ends with the same result', () => {
  const out = join(root, 'killed');
  const points = [
    'write:responses.jsonl:40',
    'rename:cases.jsonl:1',
    'write:features.safetensors:25',
    'write:features.done.jsonl:30',
    'write:suppressed.jsonl:30',
    'rename:held-out.json:1',
    'rename:detector.json:1',
    'rename:stability.json:1',
    'rename:controls.json:1',
    'rename:evaluation.json:1',
    'rename:detector.json:1',
    'rename:report.json:1',
    'rename:report.html:1',
  ];
  for (const point of points) {
    const { signal, stderr } = run(find(out, '--quiet'), { KILL_AT: point });
    assert.equal(signal, 'SIGKILL', `${point} was not reached: ${stderr}`);
  }
  const { status, stderr, stdout } = run(find(out, '--quiet', '--json'));
  assert.equal(status, 0, stderr);
  assertSame(out);
  assert.equal(JSON.parse(stdout).verdict.outcome, 'too-few');
});

test('killed from outside while it samples, it loses at most the questions in hand', async () => {
  const out = join(root, 'outside');
  const responses = join(out, 'responses.jsonl');
  const child = spawn(process.execPath, [cli, ...collect(out)], {
    env: { ...process.env, DELAY_MS: '5' },
    stdio: 'ignore',
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  while (!existsSync(responses) || readFileSync(responses, 'utf8').split('\n').length < 10) await sleep(10);
  child.kill('SIGKILL');
  await gone;
  const whole = readFileSync(responses, 'utf8').split('\n').length - 1;
  const { status, stderr } = run(collect(out));
  assert.equal(status, 0, stderr);
  assert.match(stderr, /collect \(going on\)/);
  const lines = readFileSync(responses, 'utf8').trim().split('\n');
  const ids = lines.map((line) => JSON.parse(line).id);
  assert.equal(new Set(ids).size, ids.length, 'a finished question was asked again');
  assert.ok(whole >= 9);
  assertSame(out, ['cases.jsonl']);
});

test('Ctrl-C stops with code 130 and one line, and the same command goes on', async () => {
  const out = join(root, 'stopped');
  const responses = join(out, 'responses.jsonl');
  const child = spawn(process.execPath, [cli, ...collect(out, '--quiet')], {
    env: { ...process.env, DELAY_MS: '5' },
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  while (!existsSync(responses) || readFileSync(responses, 'utf8').split('\n').length < 5) await sleep(10);
  child.kill('SIGINT');
  assert.equal(await gone, 130);
  assert.match(said, /^hneurons: stopped; the same command goes on from here\n$/);
  assert.equal(existsSync(join(out, 'lock')), false);
  assert.equal(run(collect(out)).status, 0);
  assertSame(out, ['cases.jsonl']);
});

test('a full disk is one line; with room again, the same command goes on', {
  skip: process.platform === 'win32',
}, () => {
  const out = join(root, 'full');
  // A limit on the size of files stands for the disk: the write fails in the same way. In blocks of 1,024 bytes.
  const command = `ulimit -f 100; exec "$0" "$@"`;
  const limited = spawnSync('bash', ['-c', command, process.execPath, cli, ...collect(out, '--quiet')], {
    encoding: 'utf8',
  });
  assert.equal(limited.status, 1);
  assert.match(limited.stderr, /^hneurons: cannot write .*responses\.jsonl: [^\n]+\n$/);
  assert.ok(readFileSync(join(out, 'responses.jsonl'), 'utf8').split('\n').length > 20);
  assert.equal(run(collect(out)).status, 0);
  assertSame(out, ['cases.jsonl']);
});

test('a changed setting runs its stage and the followers again, and only those', () => {
  const again = run(find(finished));
  assert.match(
    again.stderr,
    /^collect: already there.*\nextract: already.*\ntrain: already.*\nevaluate: already.*\nintervene: already.*\nreport: already/,
  );
  const out = join(root, 'changed');
  assert.equal(run(find(out, '--quiet')).status, 0);
  const features = readFileSync(join(out, 'features.safetensors'));
  const changed = run(find(out, '--mode', '1-vs-1'));
  assert.match(changed.stderr, /collect: already there/);
  assert.match(changed.stderr, /extract: already there/);
  assert.match(
    changed.stderr,
    /^mode changed from 3-vs-1 to 1-vs-1: train runs again, and after it evaluate, report;/m,
  );
  assert.ok(readFileSync(join(out, 'features.safetensors')).equals(features));
  assert.ok(existsSync(join(out, 'detector.previous.json')));
  assert.equal(JSON.parse(readFileSync(join(out, 'detector.json'), 'utf8')).mode, '1-vs-1');
});

test('a later stage alone, and a run folder of other questions', () => {
  const out = join(root, 'alone');
  assert.equal(run(collect(out, '--quiet')).status, 0);
  const early = run(['train', '--out', out]);
  assert.equal(early.status, 1);
  assert.match(
    early.stderr,
    /^hneurons: .* no finished extract stage; run: hneurons extract --out [^\n]+\n$/,
  );
  const weighed = ['--select', 'accuracy', '--standardise', '--class-weights', 'balanced', '--C', '0.01,0.1'];
  for (const [stage, ...more] of [
    ['extract'],
    ['train', ...weighed],
    ['evaluate', '--controls', '2', '--resamples', '0'],
    ['report'],
  ]) {
    assert.equal(run([stage, '--out', out, '--quiet', ...more]).status, 0, stage);
  }
  const { settings } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')).stages.train;
  assert.deepEqual(
    [settings.select, settings.standardise, settings.classWeights],
    ['accuracy', true, 'balanced'],
  );
  // By accuracy alone the model is not asked, and without resamples there is no file of them.
  for (const name of ['suppressed.jsonl', 'stability.json']) assert.equal(existsSync(join(out, name)), false);
  const others = join(root, 'others.jsonl');
  writeFileSync(
    others,
    fakeQuestions(5)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const before = readFileSync(join(out, 'manifest.json'), 'utf8');
  const refused = run(collect(out).map((part) => (part === questions ? others : part)));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^hneurons: .* other questions [^\n]+\n$/);
  assert.equal(readFileSync(join(out, 'manifest.json'), 'utf8'), before);
});

test('a class that never comes is named, with what was seen and what to change', () => {
  const file = join(root, 'lost.jsonl');
  const lost = fakeQuestions(30).filter((one) => !one.id.includes('/sure/'));
  writeFileSync(file, lost.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const out = join(root, 'lost');
  const args = collect(out, '--quiet').map((part) => (part === questions ? file : part));
  const { status, stderr } = run(args);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^hneurons: no faithful question: \d+ questions gave 0 faithful, \d+ hallucinated, [^\n]+\n$/,
  );
  assert.match(stderr, /--min-correct 8 --max-correct 2/);
});

test('compare: the same detector twice, as text and Markdown; what is no detector is one line', () => {
  const text = run(['compare', finished, finished]).stdout;
  assert.match(text, /^Detectors\n/);
  assert.match(text, /\n {2}A +48 +1\.00 +1\.00 +100\s%/);
  const markdown = run(['compare', finished, finished, '--markdown']).stdout;
  assert.match(markdown, /^### Detectors\n\n\| {2}\| A \| B \|\n\|---\|---\|---\|\n/);
  const none = run(['compare', finished, root]);
  assert.equal(none.status, 1);
  assert.match(none.stderr, /^hneurons: there is no detector at [^\n]+\n$/);
});

test('score tells a made-up answer from a right one, token by token', () => {
  const detector = join(finished, 'detector.json');
  const score = (answer: string, ...more: string[]) =>
    run([
      'score',
      '--detector',
      detector,
      '--model',
      model,
      '--question',
      'Which?',
      '--answer',
      answer,
      '--json',
      ...more,
    ]);
  const [wrong, right] = ['wrong 3', 'right first 3'].map(
    (answer) => JSON.parse(score(answer).stdout).results[0],
  );
  assert.ok(wrong.probability > 0.6, `${wrong.probability}`);
  assert.ok(right.probability < 0.4, `${right.probability}`);
  assert.equal(
    wrong.tokens
      .map((token: { text: string }) => token.text)
      .join('')
      .trim(),
    'wrong 3',
  );
  assert.equal(score(' ').status, 2);
});
