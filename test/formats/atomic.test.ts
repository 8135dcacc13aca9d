import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  copyAtomicWith,
  writeAtomicWith,
  writeFileAtomic,
  writeFolderAtomic,
} from '../../src/formats/atomic.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const newFolder = () => mkdtempSync(join(root, 't-'));

test('replaces a file, makes folders, leaves nothing behind', async () => {
  const folder = join(newFolder(), 'x', 'y');
  const path = join(folder, 'a.json');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, new Uint8Array([50]));
  assert.equal(readFileSync(path, 'utf8'), '2');
  assert.deepEqual(readdirSync(folder), ['a.json']);
});

test('a write that fails half-way leaves the old content and no other file', async () => {
  const folder = newFolder();
  const path = join(folder, 'a.json');
  await writeFileAtomic(path, 'old');
  const failing = writeAtomicWith(path, async (file) => {
    await file.writeFile('new');
    throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
  });
  await expectUserError(() => failing, /a\.json: the disk is full; free/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['a.json']);
});

test('two writers of one path at the same time both end, with one whole content', async () => {
  const path = join(newFolder(), 'a');
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(1e6));
  await Promise.all(texts.map((text) => writeFileAtomic(path, text)));
  assert.ok(texts.includes(readFileSync(path, 'utf8')));
});

test('a folder in the way, and a file where a folder is needed, are named', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'd', 'inside'), { recursive: true });
  writeFileSync(join(folder, 'f'), '');
  await expectUserError(() => writeFileAtomic(join(folder, 'd'), 'x'), /cannot write .*d: /);
  await expectUserError(() => writeFileAtomic(join(folder, 'f', 'g'), 'x'), /cannot write .*g: /);
});

test('a real file system that takes no more', async (t) => {
  const path = join(newFolder(), 'a');
  writeFileSync(path, 'old');
  const url = new URL('../../src/formats/atomic.js', import.meta.url).href;
  const code = `
    import { writeFileAtomic } from ${JSON.stringify(url)};
    try { await writeFileAtomic(process.argv[1], 'x'.repeat(1e5)); } catch (error) { console.log(error.name, error.message); }`;
  const run = spawnSync(
    'bash',
    ['-c', 'ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, code, path],
    { encoding: 'utf8' },
  );
  if (run.error || !existsSync('/bin/sh')) return t.skip('this system has no bash');
  assert.match(run.stdout, /^UserError cannot write .*a: the file would be larger/);
  assert.equal(readFileSync(path, 'utf8'), 'old');
});

test('a changed copy leaves the source as it was, also where the source is read-only', async () => {
  const folder = newFolder();
  const [source, path] = [join(folder, 'source'), join(folder, 'new', 'copy')];
  writeFileSync(source, 'abcdef', { mode: 0o444 });
  await copyAtomicWith(source, path, (file) => file.write('X', 2));
  assert.deepEqual([readFileSync(source, 'utf8'), readFileSync(path, 'utf8')], ['abcdef', 'abXdef']);
  const failing = copyAtomicWith(source, path, () => {
    throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
  });
  await expectUserError(() => failing, /copy: the disk is full; free/);
  assert.equal(readFileSync(path, 'utf8'), 'abXdef');
  assert.deepEqual(readdirSync(join(folder, 'new')), ['copy']);
});

test('a folder is replaced whole, or stays as it was', async () => {
  const folder = newFolder();
  const path = join(folder, 'made');
  await writeFolderAtomic(path, (inside) => writeFileAtomic(join(inside, 'old'), '1'));
  const failing = writeFolderAtomic(path, async (inside) => {
    await writeFileAtomic(join(inside, 'new'), '2');
    throw Object.assign(new Error('full'), { code: 'ENOSPC', syscall: 'write' });
  });
  await expectUserError(() => failing, /made: the disk is full; free/);
  assert.deepEqual([readdirSync(folder), readdirSync(path)], [['made'], ['old']]);
  await writeFolderAtomic(path, (inside) => writeFileAtomic(join(inside, 'new'), '2'));
  assert.deepEqual([readdirSync(folder), readdirSync(path)], [['made'], ['new']]);
});
