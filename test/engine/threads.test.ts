import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createContext } from '../../src/engine/native/context.js';
import type { Pointer } from '../../src/engine/native/llama.js';
import { loadModel } from '../../src/engine/native/model.js';
import { makeThreadPool } from '../../src/engine/native/threads.js';
import { someTokens } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const TASKS = '/proc/self/task';
const THREADS = 3;

test('threads stay between computations, sleep when idle, and change no number', async () => {
  const path = join(temporaryFolder(), 'tiny.gguf');
  await writeTinyModel(path, { architecture: 'llama', weightType: 'f32' });
  // The pool of the model itself has one thread, which is this one.
  const { llama, pointer, info } = await loadModel({ modelPath: path, device: 'cpu', threads: 1 });
  const tokens = someTokens(40, info.vocab, 1);
  const open = (pool: Pointer | undefined) =>
    createContext(llama, pointer, info.vocab, {
      cells: 64,
      rows: 64,
      outputs: 1,
      sequences: 1,
      threads: THREADS,
      pool,
      kvType: 0,
      flashAttention: 'off',
    });
  const contexts = [open(undefined), open(makeThreadPool(llama, THREADS))];
  const [alone, pooled] = contexts.map((context) => {
    let row = 0;
    tokens.forEach((token, i) => {
      row = context.add(token, i, 0, i === tokens.length - 1);
    });
    context.decode();
    return context.logits(row).slice();
  });
  assert.deepEqual(pooled, alone);
  if (existsSync(TASKS)) {
    const before = readdirSync(TASKS).length;
    const [, context] = contexts;
    for (let i = 0; i < 20; i++) {
      context.add(tokens[i], tokens.length + i, 0, true);
      context.decode();
    }
    assert.equal(readdirSync(TASKS).length, before);
    assert.ok(before >= THREADS, 'there is a pool at all');
  }
  await wait(50);
  const idle = process.cpuUsage();
  await wait(300);
  const { user, system } = process.cpuUsage(idle);
  assert.ok(user + system < 150_000, `${(user + system) / 1000} ms of CPU in 300 ms of waiting`);
  for (const context of contexts) context.free();
});
