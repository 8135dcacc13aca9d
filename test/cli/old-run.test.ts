import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/temporary.js';

/**
 * Run folders made by commit 0b251a3 (the last one before the platform work): one finished, one killed in the middle of a
 * line of responses.jsonl. Later versions must open, resume and report them.
 */
const FIXTURE = 'test/fixtures/run-0b251a3';
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const folder = temporaryFolder();
const SETTINGS = ['--quota', '20', '--controls', '3', '--resamples', '4', '--C', '1,10', '--folds', '2'];
/** Results that a resumed run must reproduce byte for byte. */
const RESULTS = ['held-out.json', 'controls.json', 'stability.json', 'suppressed.jsonl'];

function run(...args: string[]) {
  const result = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd: folder });
  assert.equal(result.status, 0, result.stderr);
  return result;
}

const find = (out: string) =>
  run('find', '--model', 'tiny.gguf', '--questions', 'questions.jsonl', '--out', out, ...SETTINGS);

before(() => cpSync(FIXTURE, folder, { recursive: true }));

test('a finished run of the older version is up to date: no stage runs again', () => {
  const manifest = readFileSync(join(folder, 'finished/manifest.json'), 'utf8');
  const { stderr } = run(
    'collect',
    '--out',
    'finished',
    '--model',
    'tiny.gguf',
    '--questions',
    'questions.jsonl',
    '--quota',
    '20',
  );
  assert.doesNotMatch(stderr, /runs again|changed from/);
  run('train', '--out', 'finished', '--C', '1,10', '--folds', '2');
  run('evaluate', '--out', 'finished', '--controls', '3', '--resamples', '4');
  const fingerprints = (text: string) =>
    Object.values(JSON.parse(text).stages as Record<string, { fingerprint: string }>).map(
      ({ fingerprint }) => fingerprint,
    );
  assert.deepEqual(
    fingerprints(readFileSync(join(folder, 'finished/manifest.json'), 'utf8')),
    fingerprints(manifest),
  );
  assert.deepEqual(
    readdirSync(join(folder, 'finished')).filter((name) => name.includes('.previous.')),
    [],
  );
});

test('its report can be made again', () => {
  const { stdout } = run('report', '--out', 'finished');
  assert.match(stdout, /AUROC/);
});

/** Cases without the mean log-probability, which has since been that of the answer's tokens alone. */
function casesOf(run: string): unknown[] {
  const lines = readFileSync(join(run, 'cases.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => ({ ...JSON.parse(line), mean_log_probability: null }));
}

/** The values of the features; the header names a hash of the cases. */
function valuesOf(run: string): Buffer {
  const bytes = readFileSync(join(run, 'features.safetensors'));
  return bytes.subarray(8 + Number(bytes.readBigUInt64LE(0)));
}

test('a run that the older version left half-way is resumed, with the same results', () => {
  find('interrupted');
  const [resumed, finished] = [join(folder, 'interrupted'), join(FIXTURE, 'finished')];
  for (const name of RESULTS) {
    const same = readFileSync(join(resumed, name)).equals(readFileSync(join(finished, name)));
    assert.ok(same, `${name} differs from the older version's`);
  }
  assert.deepEqual(casesOf(resumed), casesOf(finished));
  assert.ok(valuesOf(resumed).equals(valuesOf(finished)), 'the features differ');
});
