import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { type Origin, OriginSchema } from '../../src/report/origin/schema.js';
import { startServer } from '../models/server.js';
import { fakeQuestions } from '../support/fake-engine.js';
import { FFN, LAYERS, writeCheckpoint } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** `hneurons trace` over an engine whose truth is known, with real weight files. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const [instruct, base, later, other] = ['instruct', 'base', 'later', 'other'].map((name) =>
  join(root, `${name}.gguf`),
);
const out = join(root, 'run');
const detector = join(out, 'detector.json');

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr, last: stderr.trim().split('\n').at(-1)! };
}

function trace(...args: string[]): Origin {
  const { status, stdout, stderr } = run('trace', '--detector', detector, '--quiet', '--json', ...args);
  assert.equal(status, 0, stderr);
  return OriginSchema.parse(JSON.parse(stdout));
}

before(async () => {
  const shape = { architecture: 'llama' as const, layers: 2, hidden: 32, ffn: 32 };
  await writeTinyModel(instruct, { ...shape, seed: 1 });
  await writeTinyModel(base, { ...shape, seed: 2 });
  await writeTinyModel(later, { ...shape, seed: 3 });
  await writeTinyModel(other, { ...shape, layers: 3 });
  const questions = join(root, 'questions.jsonl');
  writeFileSync(
    questions,
    fakeQuestions(30)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const settings = ['--quota', '24', '--controls', '3', '--C', '10', '--folds', '2', '--quiet'];
  const { status, stderr } = run(
    'find',
    '--model',
    instruct,
    '--questions',
    questions,
    '--out',
    out,
    ...settings,
  );
  assert.equal(status, 0, stderr);
  // One neuron tells all here; drift needs a second one to compare.
  const made = JSON.parse(readFileSync(detector, 'utf8'));
  made.neurons.push({ layer: 0, index: 3, weight: 0.01 });
  writeFileSync(detector, JSON.stringify(made));
});

test('the detector is tried on the base model, with controls and a ceiling, in both directions', () => {
  const found = trace('--base', base);
  const { transfer, drift } = found;
  assert.ok(transfer && drift);
  for (const { answers, moved, native } of [transfer.toBase, transfer.toInstruct]) {
    assert.deepEqual(answers, { faithful: 24, hallucinated: 24 });
    // The engine's one telling neuron is the same whatever file is named.
    assert.ok(moved.auroc.estimate > 0.9 && native.auroc.estimate > 0.9);
    assert.equal(moved.random?.runs.length, 3);
    assert.ok(moved.layerMatched);
  }
  assert.match(found.summary, /The detector carries over to the base model/);
  assert.ok(existsSync(join(out, 'origin', 'base-base', 'report.html')));
  assert.match(readFileSync(join(out, 'origin', 'origin.html'), 'utf8'), /Where they come from/);
});

test('a second call repeats nothing, and the report of the run takes the result in', () => {
  const before = readFileSync(join(out, 'origin', 'base-base', 'responses.jsonl'));
  const { stderr } = run('trace', '--detector', detector, '--base', base);
  assert.ok(!/collect .*questions asked/.test(stderr.replace(/.*up to date.*/g, '')), stderr);
  assert.ok(before.equals(readFileSync(join(out, 'origin', 'base-base', 'responses.jsonl'))));
  assert.equal(run('report', '--out', out, '--quiet').status, 0);
  assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /Where they come from/);
  assert.match(readFileSync(join(out, 'report.html'), 'utf8'), /<a href="#origin">/);
});

test('drift goes into a file that others can read, and says how it was stored', async () => {
  const { tensors } = await openSafetensors(join(out, 'origin', 'drift-base.safetensors'));
  assert.deepEqual(tensors.get('rank')?.shape, [2, 32]);
  assert.deepEqual([...tensors.keys()].sort(), ['down', 'gate', 'rank', 'score', 'up']);
});

test('other data sets: each question is asked once, and weighed by both detectors', () => {
  const extra = join(root, 'extra.jsonl');
  const lines = fakeQuestions(30, ['fourth']).map((one) => `${JSON.stringify(one)}\n`);
  writeFileSync(extra, lines.join(''));
  const { datasets } = trace('--base', base, '--datasets', extra);
  const [moved] = datasets!.moved.rows;
  const [native] = datasets!.native.rows;
  assert.equal(moved.name, 'extra');
  assert.ok(moved.faithful >= 25 && moved.faithful === moved.hallucinated);
  assert.deepEqual(moved.counts.asked, native.counts.asked);
  assert.ok(moved.figures!.auroc.estimate > 0.9 && native.figures!.auroc.estimate > 0.9);
  assert.equal(moved.figures!.random?.runs.length, 3);
  const answers = readFileSync(
    join(out, 'origin', 'base-base', 'datasets', 'extra', 'responses.jsonl'),
    'utf8',
  );
  assert.equal(answers.trim().split('\n').length, moved.counts.asked);
  assert.match(readFileSync(join(out, 'origin', 'origin.html'), 'utf8'), /answers to other data sets/);
});

test('a series of checkpoints gives a curve', () => {
  const found = trace('--checkpoints', `${base},${later}`);
  assert.deepEqual(
    found.emergence?.map(({ checkpoint, transfer }) => [checkpoint, transfer !== null]),
    [
      ['base', true],
      ['later', true],
    ],
  );
});

test('checkpoints of one name are told apart, and a series that was cut off keeps what it found', async () => {
  const shape = { architecture: 'llama' as const, layers: 2, hidden: 32, ffn: 32 };
  const steps = ['step1', 'step2'].map((step) => join(root, step, 'model.gguf'));
  for (const [i, step] of steps.entries()) {
    mkdirSync(dirname(step));
    await writeTinyModel(step, { ...shape, seed: 10 + i });
  }
  const series = join(root, 'series');
  const asked = [
    'trace',
    '--detector',
    detector,
    '--checkpoints',
    steps.join(','),
    '--out',
    series,
    '--quiet',
  ];
  // Killed between the two: the first has its place in the file, and the second says that it has none yet.
  const killed = spawnSync(process.execPath, [cli, ...asked], {
    env: { ...process.env, KILL_AT: 'rename:origin.json:2' },
  });
  assert.equal(killed.signal, 'SIGKILL');
  const read = () => OriginSchema.parse(JSON.parse(readFileSync(join(series, 'origin.json'), 'utf8')));
  const [first, second] = read().emergence!;
  assert.ok(first.drift && first.transfer);
  assert.deepEqual([second.drift, second.transfer], [null, null]);
  assert.match(second.driftNote!, /Not looked at yet/);
  assert.equal(read().base.name, 'step1/model');

  const { status, stderr } = run(...asked);
  assert.equal(status, 0, stderr);
  const found = read();
  assert.deepEqual(
    found.emergence!.map(({ checkpoint, drift, transfer }) => [
      checkpoint,
      drift !== null,
      transfer !== null,
    ]),
    [
      ['step1/model', true, true],
      ['step2/model', true, true],
    ],
  );
  assert.equal(found.base.path, steps[1]);
  assert.match(found.summary, /Along the series .* at step1\/model to .* at step2\/model/);
  const page = readFileSync(join(series, 'origin.html'), 'utf8');
  for (const id of ['emergence', 'emergence-drift']) assert.ok(page.includes(`<figure id="${id}">`), id);
  assert.notEqual(found.emergence![0].drift!.parts[0].median, found.emergence![1].drift!.parts[0].median);
  for (const name of ['step1-model', 'step2-model']) {
    assert.ok(existsSync(join(series, `base-${name}`, 'detector.json')));
    assert.ok(existsSync(join(series, `drift-${name}.safetensors`)));
  }
});

test('revisions of one repository on the hub are a series', async () => {
  const server = await startServer();
  try {
    const revision = (commit: string, moved: boolean) => {
      const folder = writeCheckpoint(join(root, commit.slice(0, 1)), { moved });
      const names = ['config.json', 'tokenizer.json', 'model.safetensors'];
      return {
        commit,
        files: Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name))])),
      };
    };
    server.repos['lab/model'] = {
      ...revision('c'.repeat(40), true),
      branches: { step1: revision('d'.repeat(40), false) },
    };
    const lone = join(root, 'lone.json');
    const made = JSON.parse(readFileSync(detector, 'utf8'));
    writeFileSync(lone, JSON.stringify({ ...made, model: { ...made.model, layers: LAYERS, ffn: FFN } }));
    const series = join(root, 'hub');
    const env = {
      ...process.env,
      HF_ENDPOINT: server.origin,
      HF_HOME: root,
      HNEURONS_CACHE: join(root, 'cache'),
    };
    const [step, main] = ['@step1', ''].map((at) => `hf:lab/model${at}:safetensors`);
    const asked = [
      '--detector',
      lone,
      '--checkpoints',
      `${step},${main}`,
      '--instruct',
      main,
      '--out',
      series,
    ];
    await promisify(execFile)(process.execPath, [cli, 'trace', ...asked, '--no-transfer', '--quiet'], {
      env,
    });
    const { emergence } = OriginSchema.parse(JSON.parse(readFileSync(join(series, 'origin.json'), 'utf8')));
    assert.deepEqual(
      emergence!.map(({ checkpoint, drift }) => [checkpoint, drift !== null]),
      [
        ['model@step1', true],
        ['model', false],
      ],
    );
    assert.ok(existsSync(join(series, 'drift-model-step1.safetensors')));
  } finally {
    await server.close();
  }
});

test('a series with a model of another family ends before any is asked', () => {
  const refused = join(root, 'refused');
  const { status, last } = run(
    ...['trace', '--detector', detector, '--checkpoints', `${base},${other}`, '--out', refused, '--quiet'],
  );
  assert.equal(status, 1);
  assert.match(last, /are not of one family/);
  assert.deepEqual(readdirSync(refused), []);
});

test('the model itself at the end of a series, by another path or in another format, has no drift', async () => {
  const link = join(root, 'link.gguf');
  symlinkSync(instruct, link);
  const copy = join(root, 'copy.gguf');
  copyFileSync(instruct, copy);
  const found = trace('--checkpoints', `${base},${copy}`);
  assert.deepEqual(
    found.emergence!.map(({ drift, transfer }) => [drift !== null, transfer !== null]),
    [
      [true, true],
      [false, true],
    ],
  );
  assert.match(found.driftNote!, /Both are the same file/);
  const weights = ['--no-transfer', '--out', join(root, 'paths')];
  const { emergence } = trace('--checkpoints', `${link},${base},${relative('.', instruct)}`, ...weights);
  assert.match(emergence![0].driftNote!, /Both are the same file/);
  assert.ok(emergence![1].drift);
  assert.match(emergence![2].driftNote!, /Both are the same file/);
  // The same weights in a file that has another hash.
  const twin = join(root, 'twin.gguf');
  await writeTinyModel(twin, {
    architecture: 'llama',
    layers: 2,
    hidden: 32,
    ffn: 32,
    seed: 1,
    contextLength: 128,
  });
  const same = trace('--base', twin, '--out', join(root, 'twin'));
  assert.match(same.driftNote!, /FFN weights of twin and instruct are the same/);
  assert.ok(same.transfer);
});

test('a detector that its run did not end with is the one that is tried', () => {
  const made = JSON.parse(readFileSync(detector, 'utf8'));
  const mine = join(out, 'detector-mine.json');
  // Neurons that tell nothing.
  const neurons = [4, 5, 6].map((index) => ({ layer: 1, index, weight: 1 }));
  writeFileSync(mine, JSON.stringify({ ...made, neurons }));
  const found = trace('--base', base, '--detector', mine, '--out', join(root, 'mine'));
  assert.equal(found.drift!.inertia.marked, 3);
  const { toBase, toInstruct } = found.transfer!;
  for (const cell of [toBase.moved, toInstruct.native]) {
    assert.equal(cell.neurons, 3);
    assert.ok(cell.auroc.low < 0.5 && cell.auroc.high < 0.9, JSON.stringify(cell.auroc));
    assert.equal(cell.layerMatched, null);
  }
  for (const cell of [toBase.native, toInstruct.moved]) assert.ok(cell.auroc.estimate > 0.9);
  assert.match(found.transferNote!, /not the one that its run ended with/);
});

test('one model under two prompts: transfer, and no drift', () => {
  const found = trace('--base', instruct);
  assert.equal(found.drift, null);
  assert.match(found.driftNote!, /same file/);
  assert.ok(found.transfer);
});

test('--no-transfer compares weights alone', () => {
  const found = trace('--base', base, '--no-transfer', '--out', join(root, 'weights'));
  assert.equal(found.transfer, null);
  assert.ok(found.drift);
  assert.ok(!existsSync(join(root, 'weights', 'base-base')));
});

test('mistakes end in one line', () => {
  const fails = (code: number, pattern: RegExp, ...args: string[]) => {
    const { status, stderr, last } = run('trace', '--detector', detector, '--quiet', ...args);
    assert.equal(status, code, stderr);
    assert.match(last, pattern);
    assert.doesNotMatch(stderr, /\n\s+at /);
  };
  fails(2, /needs --base, or --checkpoints/);
  fails(2, /--no-transfer .*--datasets has no effect/, '--base', base, '--no-transfer', '--datasets', 'no');
  fails(2, /--no-transfer .*--quota has no effect/, '--base', base, '--no-transfer', '--quota', '9');
  fails(2, /--no-transfer .*--judge has no effect/, '--base', base, '--no-transfer', '--judge', 'rule');
  const style = ['--no-transfer', '--prompt-style', 'few-shot'];
  fails(2, /--no-transfer .*--prompt-style has no effect/, '--base', base, ...style);
  fails(2, /--limit needs --datasets/, '--base', base, '--limit', '3');
  fails(
    1,
    /cannot read no-such\.csv/,
    '--base',
    base,
    '--datasets',
    'no-such.csv',
    '--out',
    join(root, 'mistake'),
  );
  assert.ok(!existsSync(join(root, 'mistake')), 'nothing is made before all is in order');
  // The file of the run has become another one: what is advised works.
  const made = JSON.parse(readFileSync(detector, 'utf8'));
  const older = join(out, 'detector-older.json');
  writeFileSync(
    older,
    JSON.stringify({ ...made, model: { ...made.model, sha256: made.model.sha256.replace(/./g, '0') } }),
  );
  fails(
    1,
    /another file of this shape.*all the same with --instruct .*instruct\.gguf$/,
    ...['--base', base, '--detector', older],
  );
  trace(
    '--base',
    base,
    '--detector',
    older,
    '--instruct',
    instruct,
    '--no-transfer',
    '--out',
    join(root, 'o'),
  );
  // Another base model of a name that was used.
  const again = join(root, 'again');
  mkdirSync(again);
  copyFileSync(later, join(again, 'base.gguf'));
  fails(1, /is a run of another.*remove that folder/, '--base', join(again, 'base.gguf'));
  fails(1, /are not of one family.*name the base model/, '--base', other);
  fails(1, /are not of one family/, '--base', writeCheckpoint(join(root, 'wide'), { moved: false }));
  fails(1, /no such file|there is no file/, '--base', join(root, 'none.gguf'));
  const cut = writeCheckpoint(join(root, 'cut'), { moved: false, sharded: true });
  truncateSync(join(cut, 'model-00003-of-00003.safetensors'), 5000);
  fails(1, /model-00003.*ends at byte/, '--base', cut);
});
