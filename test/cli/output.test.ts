import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { escapeControls, guardOutput } from '../../src/cli/output.js';
import { createProgress } from '../../src/cli/progress.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));
const unix = process.platform !== 'win32';

function shell(script: string, options: { cwd?: string; env?: NodeJS.ProcessEnv; bin?: string } = {}) {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, options.bin ?? bin], {
    encoding: 'utf8',
    cwd: options.cwd ?? root,
    env: options.env ?? process.env,
  });
  return { status, stdout, stderr };
}

/** One line for people, whatever happened: no stack trace, no inner error. */
function assertOneLine(stderr: string, pattern: RegExp): void {
  assert.match(stderr, /^hneurons: [^\n]+\n$/);
  assert.doesNotMatch(stderr, /unexpected error|at .*:\d+:\d+/);
  assert.match(stderr, pattern);
}

test('without an argument, and with -h and -V, also of commands, the answer is on stdout', async () => {
  for (const args of [[], ['-h'], ['find', '-h'], ['serve', '--help']]) {
    const { status, stdout, stderr } = await runCli(...args);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Usage: hneurons/);
  }
  for (const args of [['-V'], ['--version'], ['find', '-V'], ['score', '--version']]) {
    const { status, stdout, stderr } = await runCli(...args);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^hneurons \d+\.\d+\.\d+, llama\.cpp/);
  }
});

test('versions and help need neither HTTP client nor native library', { skip: !unix }, () => {
  const list = join(root, 'loaded.mjs');
  writeFileSync(
    list,
    `import fs from 'node:fs';
     export async function load(url, context, next) { fs.appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); }`,
  );
  const register = `data:text/javascript,import{register}from"node:module";register("file://${list}")`;
  for (const args of ['--version', 'serve --help']) {
    const { status, stdout } = shell(
      `LOADED=loaded "$0" --import '${register}' "$1" ${args} && cat loaded && rm loaded`,
    );
    assert.equal(status, 0);
    assert.match(stdout, /commander/);
    assert.doesNotMatch(stdout, /node_modules\/(undici|koffi|openai|hono|yauzl)\//);
  }
});

test('a clone that is not built, or only in part, says what to run', { skip: !unix }, () => {
  const clone = join(root, 'a clone');
  mkdirSync(join(clone, 'bin'), { recursive: true });
  cpSync(bin, join(clone, 'bin', 'hneurons.js'));
  writeFileSync(join(clone, 'package.json'), '{"type": "module"}');
  const start = () => shell('"$0" "$1" --version', { bin: join(clone, 'bin', 'hneurons.js') });
  const states: [content: string | undefined, pattern: RegExp][] = [
    [undefined, /not built.*npm run build.*a clone/],
    ["import './missing.js';", /only in part.*npm run build/],
    ["import { b } from './b.js'; export const runProgram = () => b;", /only in part.*npm run build/],
    ["import 'hneurons-no-such-package';", /package hneurons-no-such-package is not installed.*npm ci/],
  ];
  for (const [content, pattern] of states) {
    if (content !== undefined) {
      mkdirSync(join(clone, 'dist', 'src', 'cli'), { recursive: true });
      writeFileSync(join(clone, 'dist', 'src', 'cli', 'main.js'), content);
      writeFileSync(join(clone, 'dist', 'src', 'cli', 'b.js'), 'export const a = 1;');
    }
    const { status, stderr } = start();
    assert.equal(status, 1);
    assertOneLine(stderr, pattern);
  }
});

test('output that cannot be written is one line and exit code 1', {
  skip: !existsSync('/dev/full'),
}, () => {
  for (const args of ['--version', 'models --json']) {
    const { status, stderr } = shell(`"$0" "$1" ${args} >/dev/full`);
    assert.equal(status, 1);
    assertOneLine(stderr, /cannot write to standard output: the disk is full/);
    assert.equal(shell(`"$0" "$1" ${args} >/dev/full 2>/dev/full`).status, 1);
  }
});

test('closed pipes and streams are no failure', { skip: !unix }, () => {
  for (const args of ['--help', 'models', 'find --help']) {
    assert.equal(shell(`"$0" "$1" ${args} | head -c 1`).stderr, '', args);
    assert.equal(shell(`"$0" "$1" ${args} >&- 2>&- <&-`).status, 0, args);
  }
  const { status, stderr } = shell('"$0" "$1" train --out nowhere 2>&1 >/dev/null | head -c 0; exit 0');
  assert.deepEqual([status, stderr], [0, '']);
});

test('an odd environment is one line or no matter', { skip: !unix }, async () => {
  const model = join(root, 'tiny.gguf');
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const { HOME: _, ...homeless } = process.env;
  assert.equal(shell('"$0" "$1" models', { env: homeless }).status, 0);
  for (const COLUMNS of ['1', '0', 'wide']) {
    assert.equal(shell('"$0" "$1" find --help', { env: { ...process.env, COLUMNS } }).status, 0);
  }
  const gone = join(root, 'gone');
  mkdirSync(gone);
  const { status, stderr } = shell(`cd "${gone}" && rmdir "${gone}" && "$0" "$1" train --out runs/x`);
  assert.equal(status, 1);
  assertOneLine(stderr, /no run in runs\/x|working (folder|directory)/);
  rmSync(gone, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not come out.
const STEERS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const HOSTILE = 'a\u001b[2Jb\u009b31mc\u202ed\u2028e\u0007f\rg';

test('no command lets foreign text steer the terminal', async () => {
  const file = (name: string, content: string) => {
    const path = join(root, name);
    writeFileSync(path, content);
    return path;
  };
  const json = JSON.stringify;
  const detector = (over: object) =>
    file(
      'detector.json',
      json({ schema: 'hneurons/detector', version: 1, model: { name: HOSTILE }, [HOSTILE]: 1, ...over }),
    );
  const model = join(root, 'tiny.gguf');
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const pair = ['--question', HOSTILE, '--answer', HOSTILE];
  const commands: string[][] = [
    [HOSTILE],
    ['find', `--${HOSTILE}`],
    ['find', '--samples', HOSTILE],
    ['find', '--model', HOSTILE],
    ['find', '--dataset', HOSTILE],
    ['find', '--model', model, '--judge', HOSTILE],
    ['find', '--model', model, '--questions', file('q.jsonl', `{"question": ${HOSTILE}`)],
    ['find', '--model', model, '--questions', file('q.csv', `${HOSTILE},x\n1,2\n`)],
    ['find', '--model', model, '--questions', file('q2.jsonl', `${json({ [HOSTILE]: 1 })}\n`)],
    ['find', '--model', file('x.gguf', `GGUF${HOSTILE}`)],
    ['train', '--out', HOSTILE],
    ['train', '--features', HOSTILE, '--labels', HOSTILE],
    ['score', '--detector', detector({}), ...pair],
    ['score', '--detector', detector({ schema: HOSTILE }), ...pair],
    ['score', '--detector', detector({ version: HOSTILE }), ...pair],
    ['serve', '--detector', detector({})],
    ['compare', detector({}), HOSTILE],
    ['import', file('judged.csv', `${HOSTILE},b\n1,2\n`)],
    ['judge', file('responses.jsonl', `${json({ [HOSTILE]: HOSTILE })}\n`)],
    ['export', '--as', HOSTILE],
    ['merge', '--out', HOSTILE],
    ['explain', '--run', HOSTILE],
    ['trace', '--detector', HOSTILE, '--base', HOSTILE],
    ['extract', '--cases', file('cases.jsonl', `{"${HOSTILE}`), '--model', model, '--out', join(root, 'o')],
  ];
  for (const args of commands) {
    const { status, stdout, stderr } = await runCli(...args);
    assert.notEqual(status, 0, args.join(' '));
    assert.doesNotMatch(stdout + stderr, STEERS, args.join(' '));
    assert.match(stderr, /^(.* …\n)?hneurons: [^\n]+\n$/, 'one line');
  }
});

test('what is escaped in JSON is the same text, and colours of ours alone pass', () => {
  const written: string[] = [];
  const output = guardOutput({ write: (text) => written.push(text) });
  output.write(JSON.stringify({ text: HOSTILE }));
  assert.deepEqual(JSON.parse(written[0]), { text: HOSTILE });
  output.write('\u001b[31mred');
  output.paint('\u001b[31mred\u001b[39m\u001b[2J\n\tnext');
  assert.deepEqual(written.slice(1), ['\\u001b[31mred', '\u001b[31mred\u001b[39m\\u001b[2J\n\tnext']);
  assert.equal(escapeControls('añ😀👩‍👩‍👧 שלום\n'), 'añ😀👩‍👩‍👧 שלום\n');
});

test('progress shows foreign labels without obeying them', () => {
  for (const isTTY of [false, true]) {
    let said = '';
    const view = createProgress({
      quiet: false,
      now: () => 1e6,
      stream: { isTTY, write: (text) => (said += text) },
    });
    view.listen({ type: 'start', step: 'model', label: HOSTILE });
    view.listen({ type: 'progress', step: 'model', done: 1, total: 2, unit: HOSTILE, detail: HOSTILE });
    view.listen({ type: 'note', message: HOSTILE });
    view.listen({ type: 'end', step: 'model', seconds: 1, summary: HOSTILE });
    view.stop();
    assert.ok(said.includes('\\u001b[2J'));
    assert.ok(!said.includes('\u001b[2Jb') && !said.includes('\u009b') && !said.includes('\u202e'));
  }
});
