import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from './support/temporary.js';

const folder = temporaryFolder();

function fuzz(...args: string[]): { status: number | null; stdout: string } {
  const out = join(folder, `failures-${args.join('-')}`);
  // A limit that no machine reaches, however busy: a reader that never ends is what it is for.
  const command = ['scripts/fuzz.js', '--out', out, '--limit', '300', ...args];
  return spawnSync(process.execPath, command, { encoding: 'utf8' });
}

test('damaged files of every kind are read or refused in one line', () => {
  const kinds = 'parquet,npy,safetensors,pickle,csv,json,jsonl,judged,detector';
  const { status, stdout } = fuzz('--files', '500', '--seed', '5', '--kinds', kinds);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^50\d files, seed 5, 0 failures/m);
});

test('so are damaged models and chat templates, through the command', () => {
  const { status, stdout } = fuzz('--files', '4', '--seed', '1', '--kinds', 'gguf,template');
  assert.equal(status, 0, stdout);
});

test('a failure is printed, saved and the exit code', () => {
  writeFileSync(join(folder, 'broken.csv'), 'question;answer\n');
  const { status, stdout } = fuzz('--files', '3', '--kinds', 'csv', '--bases', folder);
  assert.equal(status, 1);
  assert.match(stdout, /^csv: undamaged file 1: refused: .*has no column/m);
});
