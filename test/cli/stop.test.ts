import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

test('a read that never ends is given up after the first signal', {
  skip: process.platform === 'win32' && 'Windows has no named pipes of this kind',
}, async () => {
  const model = join(folder, 'tiny.gguf');
  await writeTinyModel(model, { architecture: 'llama', layers: 1, hidden: 32, ffn: 32 });
  const questions = join(folder, 'questions.jsonl');
  assert.equal(spawnSync('mkfifo', [questions]).status, 0);
  const child = spawn(
    process.execPath,
    ['bin/hneurons.js', 'collect', '--model', model, '--dataset', questions, '--out', join(folder, 'run')],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(child, 'close');
  const writer = await openForWriting(questions);
  child.kill('SIGTERM');
  const [code, signal] = await ended;
  closeSync(writer);
  assert.deepEqual([code, signal], [null, 'SIGTERM']);
  assert.match(said, /^hneurons: stopped; the same command goes on from here\n$/m);
});

/** Opens a named pipe as soon as somebody reads it. */
async function openForWriting(path: string): Promise<number> {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    await setTimeout(50);
  }
}
