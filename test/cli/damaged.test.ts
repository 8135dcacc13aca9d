import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fakeQuestions } from '../support/fake-engine.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** A run folder in which one file after the other is damaged: each command says so in one line, or does without it. */
const root = temporaryFolder();
const whole = join(root, 'whole');
const run = join(root, 'run');
const model = join(root, 'tiny.gguf');
const questions = join(root, 'questions.jsonl');

const find = (out: string) => [
  ...['find', '--model', model, '--questions', questions, '--out', out, '--quota', '24', '--no-causal'],
  ...['--controls', '2', '--resamples', '2', '--C', '1,10', '--folds', '2', '--quiet'],
];

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  writeFileSync(
    questions,
    fakeQuestions(30)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const { status, stderr } = await runCli(...find(whole));
  assert.equal(status, 0, stderr);
});

/** What may have become of a file. */
const DAMAGES: Record<string, (content: string) => string | undefined> = {
  'cut off': (content) => content.slice(0, content.length / 2),
  empty: () => '',
  null: () => 'null\n',
  'a list': () => '[]\n',
  'an object': () => '{}\n',
  'a number': () => '7\n',
  'of other types': otherTypes,
  'a folder': () => undefined,
};

/** The first value of a file, with each field of another type. */
function otherTypes(content: string): string {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    value = JSON.parse(content.split('\n')[0]);
  }
  const kept = /^(schema|version|schemaVersion)$/;
  const changed = Object.entries(value as object).map(([name, field]) => {
    return [name, kept.test(name) ? field : typeof field === 'object' ? 5 : {}];
  });
  return `${JSON.stringify(Object.fromEntries(changed))}\n`;
}

/** Activations are a file for each answer, which takes long. */
const FORMATS = 'samples,answer-tokens,ids,classifier';
const COMMANDS: Record<string, string[]> = {
  find: find(run),
  extract: ['extract', '--out', run],
  train: ['train', '--out', run, '--C', '1', '--folds', '2'],
  evaluate: ['evaluate', '--out', run, '--controls', '2', '--resamples', '0'],
  report: ['report', '--out', run],
  merge: ['merge', '--out', run],
  compare: ['compare', run, whole],
  export: ['export', '--run', run, '--out', join(root, 'published'), '--format', FORMATS],
  'export neurons': [
    ...['export', '--as', 'neurons', '--detector', join(run, 'detector.json'), '--out', join(root, 'list')],
  ],
  judge: ['judge', run, '--out', join(root, 'judged.jsonl')],
  score: [
    'score',
    '--model',
    model,
    '--detector',
    join(run, 'detector.json'),
    '--question',
    'q',
    '--answer',
    'a',
  ],
  explain: ['explain', '--run', run, '--items', '0'],
};

/** One damage for each file and command, another each time; all of them with ALL_DAMAGES=1, which takes some minutes. */
function damagesOf(file: number, command: number): string[] {
  const names = Object.keys(DAMAGES);
  return process.env.ALL_DAMAGES ? names : [names[(file + command) % names.length]];
}

for (const [at, [command, args]] of Object.entries(COMMANDS).entries()) {
  test(`${command} over a run with a damaged file: one line, no inner error`, async () => {
    const files = readdirSync(whole).filter((file) => /json/.test(file));
    for (const [i, name] of files.entries()) {
      const content = readFileSync(join(whole, name), 'utf8');
      for (const damage of damagesOf(i, at)) {
        for (const left of ['run', 'published', 'list.json', 'list.csv', 'judged.jsonl']) {
          rmSync(join(root, left), { recursive: true, force: true });
        }
        cpSync(whole, run, { recursive: true });
        const changed = DAMAGES[damage](content);
        rmSync(join(run, name));
        if (changed === undefined) mkdirSync(join(run, name));
        else writeFileSync(join(run, name), changed);
        const { status, stderr } = await runCli(...args);
        const what = `${name} ${damage}: ${stderr}`;
        assert.ok(status <= 2, what);
        assert.doesNotMatch(stderr, /unexpected error|\n\s+at |undefined|\[object/, what);
        if (status !== 0) assert.match(stderr, /(^|\n)hneurons: [^\n]+\n$/, what);
      }
    }
  });
}
