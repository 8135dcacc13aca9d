import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fakeQuestions } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** Shards of a run in processes of their own, over an engine whose truth is known: killed, doubled, starved, merged. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const collected = join(root, 'collected');
const whole = join(root, 'whole');

function run(args: string[], env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [cli, ...args, '--quiet'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
}

function assertDone({ status, stderr }: { status: number | null; stderr: string }): void {
  assert.equal(status, 0, stderr);
}

/** A copy of the run after `collect`. */
function copy(name: string): string {
  const out = join(root, name);
  cpSync(collected, out, { recursive: true });
  return out;
}

const shard = (out: string, index: number, count: number, ...more: string[]) => [
  'extract',
  '--out',
  out,
  '--shard',
  `${index}/${count}`,
  ...more,
];

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const questions = join(root, 'questions.jsonl');
  writeFileSync(
    questions,
    fakeQuestions(30)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const settings = ['--questions', questions, '--quota', '24', '--pairs', '20'];
  assertDone(run(['collect', '--model', model, '--out', collected, ...settings]));
  cpSync(collected, whole, { recursive: true });
  assertDone(run(['extract', '--out', whole]));
});

test('pairs are of test questions that are in no case, and have features', () => {
  const lines = (name: string) =>
    readFileSync(join(whole, name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const pairs = lines('pairs.jsonl');
  assert.equal(pairs.length, 20);
  const used = new Set(lines('cases.jsonl').map(({ group }) => group));
  const splits = new Map(lines('questions.jsonl').map(({ id, split }) => [id, split]));
  for (const { id, group, right, wrong } of pairs) {
    assert.equal(splits.get(id), 'test');
    assert.ok(!used.has(group));
    assert.match(right.answer, /^right/);
    assert.match(wrong.answer, /^wrong/);
  }
  assert.ok(statSync(join(whole, 'pairs.safetensors')).size > 20 * 2 * 64 * 4);
});

test('shards at the same time, killed and gone on with, merge into the run that was never cut up', () => {
  const out = copy('shards');
  // The run is in use by another command all the while.
  writeFileSync(join(out, 'lock'), JSON.stringify({ pid: process.pid, host: 'elsewhere' }));
  const killed = run(shard(out, 0, 2), { KILL_AT: 'write:features.shard-0-of-2.partial.safetensors:25' });
  assert.equal(killed.signal, 'SIGKILL', killed.stderr);
  assert.ok(existsSync(join(out, 'features.shard-0-of-2.lock')), 'the dead process holds the shard');
  const script = `for i in 0 1; do "$0" "$@" --shard $i/2 & done; wait`;
  const args = [process.execPath, cli, 'extract', '--out', out, '--quiet'];
  assertDone(spawnSync('bash', ['-c', script, ...args], { encoding: 'utf8' }));
  assert.match(run(['merge', '--out', out]).stderr, /in use by process/);
  rmSync(join(out, 'lock'));
  assertDone(run(['merge', '--out', out]));
  for (const name of ['features.safetensors', 'pairs.safetensors']) {
    assert.ok(readFileSync(join(out, name)).equals(readFileSync(join(whole, name))), name);
  }
  const left = readdirSync(out).filter((name) => /lock|tmp|partial|shard.*done/.test(name));
  assert.deepEqual(left, []);
  const again = spawnSync(process.execPath, [cli, 'extract', '--out', out], { encoding: 'utf8' });
  assert.match(again.stderr, /^extract: already there/);
  assertDone(run(['train', '--out', out, '--C', '1,10', '--folds', '2']));
});

test('two processes on one shard: the second is told so', async () => {
  const out = copy('twice');
  const env = { ...process.env, DELAY_MS: '20' };
  const child = spawn(process.execPath, [cli, ...shard(out, 0, 1), '--quiet'], { env });
  const lock = join(out, 'features.shard-0-of-1.lock');
  while (!existsSync(lock)) await new Promise((resolve) => setTimeout(resolve, 10));
  const { status, stderr } = run(shard(out, 0, 1));
  assert.equal(status, 1);
  assert.match(stderr, /^hneurons: shard 0 of 1 is in use by process \d+ [^\n]+\n$/);
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  assert.equal(await gone, 130);
  assertDone(run(shard(out, 0, 1)));
});

test('merge names what is missing, and what belongs to another collection or model', () => {
  const out = copy('refused');
  const merge = (reason: RegExp) => {
    const { status, stderr, stdout } = run(['merge', '--out', out]);
    assert.equal(status, 1);
    assert.match(stderr, /^hneurons: [^\n]+\n$/);
    assert.match(stderr, reason);
    assert.equal(stdout, '');
  };
  merge(/there is no shard of .*features\.safetensors/);
  assertDone(run(shard(out, 0, 3)));
  merge(/of the 3 shards .* 2 are missing: 1, 2; run: hneurons extract --shard 1\/3/);
  for (const index of [1, 2]) assertDone(run(shard(out, index, 3)));
  const cases = readFileSync(join(out, 'cases.jsonl'), 'utf8');
  writeFileSync(join(out, 'cases.jsonl'), cases.slice(cases.indexOf('\n') + 1));
  merge(/shard-0-of-3.* was made before the run was collected again/);
  writeFileSync(join(out, 'cases.jsonl'), cases);
  const path = join(out, 'manifest.json');
  const manifest = readFileSync(path, 'utf8');
  const { sha256 } = JSON.parse(manifest).model;
  writeFileSync(path, manifest.replace(sha256, 'f'.repeat(64)));
  merge(/is of another model than the run/);
  writeFileSync(path, manifest);
  assertDone(run(['merge', '--out', out]));
});

test('a disk that is full while shards are merged leaves one line and no half file', {
  skip: process.platform === 'win32',
}, () => {
  const out = copy('full');
  assertDone(run(shard(out, 0, 1)));
  const limited = spawnSync(
    'bash',
    ['-c', 'ulimit -f 60; exec "$0" "$@"', process.execPath, cli, 'merge', '--out', out, '--quiet'],
    { encoding: 'utf8' },
  );
  assert.equal(limited.status, 1);
  assert.match(limited.stderr, /^hneurons: cannot write .*features\.safetensors: [^\n]+\n$/);
  assert.ok(!existsSync(join(out, 'features.safetensors')));
  assertDone(run(['merge', '--out', out]));
});

test('cases of a file in shards, merged into one file', () => {
  const cases = join(collected, 'cases.jsonl');
  const extract = (out: string, ...more: string[]) =>
    run(['extract', '--cases', cases, '--model', model, '--out', join(root, out), ...more]);
  assertDone(extract('any.safetensors'));
  for (const i of [0, 1, 2]) {
    assertDone(extract('parts.safetensors', '--shard', `${i}/3`));
  }
  assertDone(run(['merge', '--out', join(root, 'parts.safetensors')]));
  const bytes = (name: string) => readFileSync(join(root, name));
  assert.ok(bytes('parts.safetensors').equals(bytes('any.safetensors')));
});

test('float16 features train and test as float32 ones do, in half the room', () => {
  const out = copy('half');
  assertDone(run(['extract', '--out', out, '--features', 'float16']));
  const size = (folder: string) => statSync(join(folder, 'features.safetensors')).size;
  assert.ok(size(out) < 0.52 * size(whole));
  assertDone(run(['train', '--out', out, '--C', '1,10', '--folds', '2']));
  const evaluated = run(['evaluate', '--out', out, '--controls', '3', '--json']);
  assertDone(evaluated);
  assert.ok(JSON.parse(evaluated.stdout).detector.test.auroc.estimate > 0.95);
});
