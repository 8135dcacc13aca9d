import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryBusy } from '../../src/formats/atomic.js';
import { fileName } from '../../src/formats/file-name.js';

test('a model or a set of any name gives a file name that Windows accepts', () => {
  const names = {
    'ollama:llama3.2': 'ollama-llama3.2',
    'a/b\\c<d>"e"|f?g*': 'a-b-c-d-e-f-g',
    'ends. ': 'ends',
    con: 'con_',
    'NUL.jsonl': 'NUL_.jsonl',
    COM1: 'COM1_',
    console: 'console',
    'aux-2': 'aux-2',
    'Qwen2.5-0.5B': 'Qwen2.5-0.5B',
    ':': 'unnamed',
  };
  for (const [text, name] of Object.entries(names)) assert.equal(fileName(text), name);
});

test('a rename over a file that is open elsewhere is tried again on Windows alone', async () => {
  const failing = (code: string, times: number) => {
    let calls = 0;
    const work = async () => {
      if (calls++ < times) throw Object.assign(new Error(code), { code });
    };
    return { work, calls: () => calls };
  };
  const busy = failing('EPERM', 2);
  await retryBusy(busy.work, 'win32');
  assert.equal(busy.calls(), 3);
  const elsewhere = failing('EPERM', 2);
  await assert.rejects(retryBusy(elsewhere.work, 'linux'), /EPERM/);
  assert.equal(elsewhere.calls(), 1);
  const full = failing('ENOSPC', 2);
  await assert.rejects(retryBusy(full.work, 'win32'), /ENOSPC/);
  assert.equal(full.calls(), 1);
});
