import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { main } from '../../src/cli/main.js';
import { writeNpy } from '../../src/formats/npy.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** What the command line says to mistakes: one line, the right exit code, nothing changed. */
const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));

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
  const { status, stderr, stdout } = await run(...args);
  assert.equal(status, code, stderr);
  assert.match(stderr, /^hneurons: [^\n]+\n$/, 'one line');
  assert.equal(stdout, '');
  for (const pattern of patterns) assert.match(stderr, pattern);
}

test('wrong usage is one line and exit code 2', async () => {
  await assertRefused(['fnd'], 2, /unknown command 'fnd'/, /find/);
  await assertRefused(['find', '--sampels', '3'], 2, /unknown option '--sampels'/);
  await assertRefused(['find', '--samples', '2.5'], 2, /--samples/, /whole number/);
  await assertRefused(['find', '--top-p', '1.5'], 2, /from 0 to 1/);
  await assertRefused(['find', '--C', '1,,2'], 2, /--C/);
  await assertRefused(['find', '--device', 'tpu'], 2, /cpu/);
  await assertRefused(['train', '--features', 'x.npy'], 2, /--labels/);
  await assertRefused(['score', '--detector', 'd.json', '--question', 'q'], 2, /--answer/);
});

test('settings that contradict each other are refused before anything is written', async () => {
  const model = join(root, 'tiny.gguf');
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  await assertRefused(
    ['find', '--model', model, '--out', join(root, 'none'), '--min-correct', '11'],
    2,
    /--min-correct 11/,
    /10 samples/,
  );
  await assertRefused(
    ['find', '--model', model, '--out', join(root, 'none'), '--min-correct', '3', '--max-correct', '3'],
    2,
    /--max-correct 3/,
  );
  assert.equal(existsSync(join(root, 'none')), false);
  await assertRefused(['train', '--out', join(root, 'nowhere')], 1, /no run in/);
});

test('bad files are named', async () => {
  const model = join(root, 'cut.gguf');
  writeFileSync(model, 'GGUF');
  await assertRefused(['find', '--model', model], 1, /cut\.gguf/);
  await assertRefused(['find', '--model', join(root, 'none.gguf')], 1, /none\.gguf/);
  const questions = join(root, 'broken.jsonl');
  writeFileSync(questions, '{"question": "a?", "answer": "b"}\n{"question": "c?"}\n');
  await assertRefused(['find', '--questions', questions], 1, /broken\.jsonl/, /line 2/);
  const detector = join(root, 'detector.json');
  writeFileSync(detector, '{"schema": "hneurons/detector", "version": 7}');
  const pair = ['--question', 'q', '--answer', 'a'];
  await assertRefused(['score', '--detector', detector, ...pair], 1, /detector\.json/, /version 7/);
  writeFileSync(detector, '{');
  await assertRefused(['score', '--detector', detector, ...pair], 1, /not valid JSON/);
  mkdirSync(join(root, 'runs', 'a'), { recursive: true });
  await assertRefused(['report', '--out', join(root, 'runs', 'a')], 1, /no run in/);
});

test('an offline machine without the model is told so', () => {
  const env = {
    ...process.env,
    HNEURONS_CACHE: join(root, 'cache'),
    HF_HOME: join(root, 'hf'),
    HF_HUB_OFFLINE: '1',
  };
  const { status, stderr } = spawnSync(process.execPath, [bin, 'find', '--quiet'], {
    encoding: 'utf8',
    cwd: root,
    env,
  });
  assert.equal(status, 1);
  assert.match(stderr, /^hneurons: [^\n]+\n$/);
});

test('train works on any matrix and prints the path as JSON', async () => {
  const rows = 40;
  const features = new Float32Array(rows * 3);
  const labels = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    labels[i] = i % 2;
    features.set([i % 5, labels[i] + (i % 3) / 10, 1], i * 3);
  }
  await writeNpy(join(root, 'X.npy'), { shape: [rows, 3], data: features });
  await writeNpy(join(root, 'y.npy'), { shape: [rows], data: labels });
  const { status, stdout, stderr } = await run(
    ...[
      'train',
      '--features',
      join(root, 'X.npy'),
      '--labels',
      join(root, 'y.npy'),
      '--C',
      '0.1,10',
      '--json',
      '--quiet',
    ],
  );
  assert.equal(status, 0, stderr);
  const { shape, path } = JSON.parse(stdout);
  assert.deepEqual(shape, [40, 3]);
  assert.deepEqual(
    path.map((point: { C: number }) => point.C),
    [0.1, 10],
  );
  assert.ok(path[1].weights[path[1].indices.indexOf(1)] > 1);
});

test('a closed pipe is no crash', async () => {
  const child = spawn('bash', ['-c', `"$0" "$1" find --help | head -1`, process.execPath, bin], {
    cwd: root,
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  await new Promise((resolve) => child.once('close', resolve));
  assert.equal(said, '');
});

test('help and version answer on stdout with code 0', async () => {
  for (const args of [['--help'], ['find', '--help'], ['--version'], ['help', 'score']]) {
    const { status, stdout, stderr } = await run(...args);
    assert.equal(status, 0);
    assert.ok(stdout.length > 10);
    assert.equal(stderr, '');
  }
});

test('help shows defaults as they would be typed', async () => {
  const { stdout } = await run('--help');
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map(([, name]) => name);
  assert.ok(commands.length > 12);
  for (const command of commands) {
    const help = (await run(command, '--help')).stdout;
    assert.match(help, /Usage: hneurons/);
    assert.doesNotMatch(help, /default:\s+[[{]/, command);
  }
});
