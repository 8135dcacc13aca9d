import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/cli/environment.js';
import { main } from '../../src/cli/main.js';
import { modelSha256 } from '../../src/models/index.js';
import type { Table } from '../../src/report/table/schema.js';
import { fakeQuestions } from '../support/fake-engine.js';
import { HOSTILE } from '../support/report.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** `evaluate --detector --datasets` over an engine whose truth is known: killed, resumed, changed, fed with odd questions. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const home = join(root, 'run');
const detector = join(home, 'detector.json');
const other = join(root, 'other.jsonl');
const made = join(root, 'made.jsonl');
/** Nothing may be asked of a model. */
const ENVIRONMENT: Environment = {
  openEngine: () => assert.fail('the model was loaded'),
  modelSha256,
  resolveModel: async (spec) => ({ path: spec, name: 'tiny', source: spec }),
};
/** Questions of the run that stand in the other file as well. */
let known: { id: string; split: 'train' | 'test' }[];

function run(args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', env: { ...process.env, ...env } });
}

const tableArgs = (out: string, ...more: string[]) => [
  'evaluate',
  '--detector',
  detector,
  '--datasets',
  other,
  '--out',
  out,
  '--quota',
  '25',
  ...more,
];

const read = (path: string) => readFileSync(path, 'utf8');
const readTable = (out: string) => JSON.parse(read(join(out, 'table.json'))) as Table;
const linesOf = (path: string) =>
  read(path)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

function write(path: string, values: unknown[]): void {
  writeFileSync(path, values.map((value) => `${JSON.stringify(value)}\n`).join(''));
}

/** What does not depend on when and how often a command was started. */
function results(out: string) {
  return {
    row: readTable(out).rows[0],
    responses: read(join(out, 'other', 'responses.jsonl')),
  };
}

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const questions = join(root, 'questions.jsonl');
  write(questions, fakeQuestions(30));
  const find = ['find', '--model', model, '--questions', questions, '--out', home, '--quota', '24'];
  const { status, stderr } = run([...find, '--controls', '3', '--C', '1,10', '--folds', '2', '--quiet']);
  assert.equal(status, 0, stderr);
  known = linesOf(join(home, 'questions.jsonl')).slice(0, 20);
  // Without their split: a file may not know what somebody trained on.
  const again = known.map((one) => ({ ...one, split: undefined }));
  write(other, [...fakeQuestions(60, ['fourth', 'fifth']), ...again]);
  write(made, [
    ...fakeQuestions(40, ['sixth']).filter(({ id }) => id.includes('/sure/')),
    ...fakeQuestions(40, ['sixth']).flatMap(({ id, question, relation }) =>
      id.includes('/lost/') ? [{ id, question, relation, kind: 'fabricated' }] : [],
    ),
  ]);
  const table = run(tableArgs(join(home, 'table'), '--datasets', `${other},${made}`));
  assert.equal(table.status, 0, table.stderr);
  assert.match(table.stdout, /The detector beats as many random neurons on other and made \(vs\. mirror\); /);
  assert.match(table.stderr, /^report: /m, 'the report is made again, with the table in it');
});

test('each row: matched classes, the telling neuron found, controls and log-probability beside it', () => {
  const { rows, controls, settings } = readTable(join(home, 'table'));
  assert.deepEqual(
    rows.map(({ name, faithful, hallucinated }) => [name, faithful, hallucinated]),
    [
      ['other', 25, 25],
      ['made (vs. mirror)', 25, 25],
      ['made (vs. refusals)', 0, 0],
    ],
  );
  assert.deepEqual(controls, { random: 3, layerMatched: 3 });
  assert.equal(settings.temperature, 1);
  const { figures } = rows[0];
  assert.ok(figures!.auroc.estimate > 0.95);
  assert.equal(figures!.random!.runs.length, 3);
  assert.ok(figures!.random!.difference.auroc.low > 0);
  assert.ok(figures!.auprc.estimate > 0.9);
  assert.equal(
    figures!.calibration.bins.reduce((sum, bin) => sum + bin.samples, 0),
    50,
  );
  assert.ok(rows[0].counts.asked < rows[0].counts.total, 'it stops when it has enough');
  assert.match(rows[2].note!, /^too few: 0 of each class matched/);
});

test('no question that the detector was trained on is asked, and those are counted', () => {
  const asked = new Set(linesOf(join(home, 'table', 'other', 'responses.jsonl')).map(({ id }) => id));
  const trained = known.filter(({ split }) => split === 'train');
  assert.ok(trained.length > 3);
  assert.deepEqual(
    trained.filter(({ id }) => asked.has(id)),
    [],
  );
  assert.equal(readTable(join(home, 'table')).rows[0].counts.trained, trained.length);
});

test('responses hold verdict, answer and score, matched within each kind', () => {
  const lines = linesOf(join(home, 'table', 'other', 'responses.jsonl'));
  const balance = new Map<string, number>();
  for (const line of lines) {
    assert.equal(line.verdict, line.text.includes('right') ? 'correct' : 'wrong');
    assert.equal(line.answer, line.text.trim());
    const kind = line.rows?.other;
    assert.equal(line.score !== undefined, kind !== undefined);
    if (kind === undefined) continue;
    assert.equal(kind, line.verdict === 'correct' ? 'faithful' : 'hallucinated');
    balance.set(line.relation, (balance.get(line.relation) ?? 0) + (kind === 'faithful' ? 1 : -1));
  }
  assert.ok(balance.size >= 2);
  assert.ok([...balance.values()].every((difference) => difference === 0));
});

test('the report of the run shows the table; one of another detector is left out', () => {
  const report = JSON.parse(read(join(home, 'report.json')));
  assert.deepEqual(report.table.rows, readTable(join(home, 'table')).rows);
  assert.match(read(join(home, 'report.html')), /id="table"/);
  const copy = join(root, 'other-detector');
  cpSync(home, copy, { recursive: true });
  const path = join(copy, 'table', 'table.json');
  const table = JSON.parse(read(path));
  table.detector.identity = 'another';
  writeFileSync(path, JSON.stringify(table));
  const { status, stderr } = run(['report', '--out', copy]);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /table\.json is left out of the report: it is of another detector/);
  assert.doesNotMatch(read(join(copy, 'report.html')), /id="table"/);
});

test('killed at any moment, the same command ends with the same rows', () => {
  const out = join(root, 'killed');
  const points = [
    'rename:record.json:1',
    'write:responses.jsonl:40',
    'rename:responses.jsonl:1',
    'rename:record.json:1',
    'rename:table.md:1',
  ];
  for (const point of points) {
    const { signal, stderr } = run(tableArgs(out, '--quiet'), { KILL_AT: point });
    assert.equal(signal, 'SIGKILL', `${point} was not reached: ${stderr}`);
    const path = join(out, 'other', 'responses.jsonl');
    if (!existsSync(path)) continue;
    const whole = read(path).split('\n').slice(0, -1);
    const ids = whole.map((line) => JSON.parse(line).id);
    assert.equal(new Set(ids).size, ids.length, `${point}: a question was asked twice`);
  }
  const { status, stderr } = run(tableArgs(out, '--quiet'));
  assert.equal(status, 0, stderr);
  assert.deepEqual(results(out), results(join(home, 'table')));
  const leftovers = readdirSync(out, { recursive: true }).filter((name) => /lock$|\.tmp$/.test(String(name)));
  assert.deepEqual(leftovers, []);
});

test('what is done is not asked again, unless what it depends on changed', () => {
  const out = join(root, 'again');
  cpSync(join(home, 'table'), out, { recursive: true });
  const again = run(tableArgs(out, '--json'));
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /^table: already there/m);
  assert.doesNotMatch(again.stderr, /load model/);
  assert.deepEqual(JSON.parse(again.stdout).rows, readTable(join(home, 'table')).rows.slice(0, 1));

  const before = linesOf(join(out, 'other', 'responses.jsonl')).length;
  const more = run(tableArgs(out, '--quota', '80', '--quiet'));
  assert.equal(more.status, 0, more.stderr);
  const lines = linesOf(join(out, 'other', 'responses.jsonl'));
  assert.ok(lines.length > before);
  assert.equal(readTable(out).rows[0].faithful, 80);
  // Another judge judges the answers that are there.
  const judged = run(tableArgs(out, '--judge', 'rule:substring'));
  assert.equal(judged.status, 0, judged.stderr);
  assert.equal(readTable(out).settings.judge, 'rule:substring');
  assert.doesNotMatch(judged.stderr, /already there|is asked again/);

  // Rows of another version are made again from them.
  const path = join(out, 'other', 'record.json');
  writeFileSync(path, read(path).replace('"faithful"', '"formerly"'));
  const older = run(tableArgs(out, '--judge', 'rule:substring'));
  assert.equal(older.status, 0, older.stderr);
  assert.doesNotMatch(older.stderr, /already there|is asked again/);
  assert.equal(readTable(out).rows[0].faithful, 25);

  const seeded = run(tableArgs(out, '--seed', '2'));
  assert.match(seeded.stderr, /^other: the model or the sampling settings changed, so it is asked again;/m);
  assert.ok(existsSync(join(out, 'other', 'responses.previous.jsonl')));
});

test('a detector on its own: what is missing beside it is said, and the figures stand', () => {
  const alone = join(root, 'alone');
  mkdirSync(alone);
  cpSync(detector, join(alone, 'detector.json'));
  const args = ['--detector', join(alone, 'detector.json'), '--datasets', other, '--model', model];
  const { status, stderr, stdout } = run(['evaluate', ...args, '--quota', '25', '--quiet']);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /There is no controls\.json beside the detector/);
  assert.match(stdout, /There is no questions\.jsonl beside the detector/);
  assert.match(stdout, /There are no random neurons to compare with/);
  const table = readTable(join(alone, 'table'));
  assert.equal(table.controls, null);
  assert.equal(table.rows[0].figures!.random, null);
  assert.equal(table.rows[0].counts.trained, 0);
  assert.match(
    read(join(alone, 'table', 'table.md')),
    /\| other \| 25 \+ 25 \| [.\d]+ \([^)]+\) \| – \| – \|/,
  );
});

test('one class missing and odd questions: counted, listed, and no figure', () => {
  const file = join(root, 'odd.jsonl');
  const long = { id: 'seventh/long/0', question: `Which ${'very '.repeat(1000)}long one?`, answer: 'x' };
  const odd = HOSTILE.filter((text) => text.trim() !== '').map((text, i) => ({
    id: `seventh/odd/${i}`,
    question: text,
    answer: 'right',
    relation: text,
  }));
  write(file, [...fakeQuestions(25, ['seventh']).filter(({ id }) => id.includes('/lost/')), long, ...odd]);
  const out = join(root, 'odd');
  const args = ['--detector', detector, '--datasets', file, '--out', out, '--json'];
  const { status, stderr, stdout } = run(['evaluate', ...args, '--quiet']);
  assert.equal(status, 0, stderr);
  const [row] = (JSON.parse(stdout) as Table).rows;
  assert.equal(row.figures, null);
  assert.match(row.note!, /^too few: 0 of each class matched, 20 are needed/);
  assert.equal(row.counts.unreadable, 1);
  assert.equal(row.counts.wrong, 25 + odd.length);
  const skipped = linesOf(join(out, 'odd', 'responses.jsonl')).filter((line) => line.skipped);
  assert.deepEqual(
    skipped.map(({ id }) => id),
    [long.id],
  );
  assert.match(skipped[0].skipped, /^the prompt has \d+ tokens$/);
});

test('mistakes are one line, before anything is asked', async () => {
  const refused = async (code: number, pattern: RegExp, datasets?: string, from?: string) => {
    const said = { stdout: '', stderr: '' };
    const stream = (name: 'stdout' | 'stderr') => ({
      write: (text: string) => {
        said[name] += text;
      },
    });
    const options = { '--detector': from, '--datasets': datasets, '--model': model };
    const args = Object.entries(options).flatMap(([name, value]) =>
      value === undefined ? [] : [name, value],
    );
    const streams = { stdout: stream('stdout'), stderr: stream('stderr') };
    const status = await main(['evaluate', ...args, '--quiet'], ENVIRONMENT, streams);
    assert.equal(status, code, said.stderr);
    assert.match(said.stderr, /^hneurons: [^\n]+\n$/);
    assert.match(said.stderr, pattern);
  };
  await refused(2, /both --detector and --datasets/, undefined, detector);
  await refused(2, /both --detector and --datasets/, 'facts');
  await refused(2, /names no data set/, ' , ', detector);
  await refused(2, /no data set "triviqa"/, 'facts,triviqa', detector);
  await refused(2, /two data sets of the name other/, `${other},${other}`, detector);
  await refused(2, /bioasq needs your own file/, 'bioasq', detector);
  const trained = join(root, 'trained.jsonl');
  const ours = known.filter(({ split }) => split === 'train');
  write(
    trained,
    ours.map((one) => ({ ...one, split: undefined })),
  );
  await refused(1, /trained on all \d+ questions of trained/, trained, detector);
  const broken = join(root, 'controls');
  mkdirSync(broken);
  cpSync(detector, join(broken, 'detector.json'));
  writeFileSync(join(broken, 'controls.json'), '{}');
  await refused(1, /controls\.json is not a file of controls/, other, join(broken, 'detector.json'));
});
