import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { isRunning } from '../../src/processes.js';
import { OVER_MEMORY, OVER_TIME } from '../../src/threads/watch.js';

const module = new URL('../../src/threads/watch.js', import.meta.url).href;

/** Runs a script in a process under the watch, and returns what it wrote to stderr. */
async function watched(script: string, memoryMb = 4000): Promise<{ said: string; code: number | null }> {
  const source = `const { startWatch } = await import(${JSON.stringify(module)}); const watch = await startWatch(${memoryMb} * 2 ** 20); ${script}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = await once(child, 'close');
  return { said, code };
}

test('a step over its processor time ends the process, though its JavaScript never returns', async () => {
  const { said, code } = await watched('watch.begin(0.2); for (;;);');
  assert.match(said, new RegExp(OVER_TIME));
  assert.equal(code, null);
});

test('waiting, and steps within their time, end nothing', async () => {
  const wait = 'await new Promise((resolve) => setTimeout(resolve, 700));';
  const { said, code } = await watched(`watch.begin(0.2); ${wait} watch.begin(300); watch.end(); ${wait}`);
  assert.deepEqual([said, code], ['', 0]);
});

test('memory over the limit ends the process', async () => {
  const script =
    'watch.begin(600); const kept = []; for (;;) kept.push(Buffer.alloc(2 ** 22, 1)), await new Promise(setImmediate);';
  assert.match((await watched(script, 300)).said, new RegExp(OVER_MEMORY));
});

test('a process whose parent is killed ends too, though its JavaScript never returns', async () => {
  const looping = `const { startWatch } = await import(${JSON.stringify(module)}); await startWatch(1e10); process.stdout.write(String(process.pid)); for (;;);`;
  const source = `require('node:child_process').spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(looping)}], { stdio: ['ignore', 'inherit', 'inherit'] })`;
  const parent = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [pid] = await once(parent.stdout.setEncoding('utf8'), 'data');
  parent.kill('SIGKILL');
  while (isRunning(Number(pid))) await new Promise((resolve) => setTimeout(resolve, 50));
});
