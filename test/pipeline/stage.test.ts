import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunEvent } from '../../src/pipeline/events.js';
import { fingerprint } from '../../src/pipeline/fingerprint.js';
import { draftName } from '../../src/pipeline/lock.js';
import { STAGE_FILES, type StageName } from '../../src/pipeline/manifest.js';
import {
  lock as lockOutput,
  openExistingRun,
  openRunFolder,
  previousName,
  readManifest,
} from '../../src/pipeline/run-folder.js';
import { runStage, type StageDefinition } from '../../src/pipeline/stage.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const model = {
  name: 'm',
  source: 'm.gguf',
  path: 'm.gguf',
  sha256: 'a'.repeat(64),
  architecture: 'llama',
  quantisation: 'F32',
  layers: 2,
  ffn: 4,
  hidden: 8,
  vocab: 10,
};
const questions = { source: 'built-in', sha256: 'b'.repeat(64), count: 3 };
const subject = { model, questions, seed: 1 };

interface Asked {
  temperature?: number;
  quota?: number;
  mode?: string;
  /** Stage whose body fails. */
  fails?: StageName;
}

/** Runs collect, extract and train with bodies that only write their files; returns what ran and what was said. */
async function runAll(path: string, asked: Asked): Promise<{ ran: string[]; notes: string[] }> {
  const folder = await openRunFolder(path, subject, { command: ['find'] });
  const ran: string[] = [];
  const notes: string[] = [];
  const emit = (event: RunEvent) => {
    if (event.type === 'note') notes.push(event.message);
  };
  const definitions: StageDefinition[] = [
    {
      stage: 'collect',
      settings: { temperature: asked.temperature ?? 1, quota: asked.quota ?? 10 },
      extendable: ['quota'],
      kept: ['responses.jsonl'],
    },
    { stage: 'extract', settings: {} },
    { stage: 'train', settings: { mode: asked.mode ?? '3-vs-1' } },
  ];
  try {
    for (const definition of definitions) {
      await runStage(folder, definition, {}, emit, async (start) => {
        ran.push(`${definition.stage} ${start}`);
        for (const name of STAGE_FILES[definition.stage]) {
          if (!existsSync(folder.file(name))) writeFileSync(folder.file(name), JSON.stringify(asked));
        }
        if (asked.fails === definition.stage) throw new Error('cut off');
        return { counts: { n: 1 }, summary: '' };
      });
    }
  } catch (error) {
    assert.equal((error as Error).message, 'cut off');
  } finally {
    folder.close();
  }
  return { ran, notes };
}

test('a stage runs once; a changed setting runs it and its followers again, and says so', async () => {
  const path = join(root, 'change');
  assert.deepEqual((await runAll(path, {})).ran, ['collect fresh', 'extract fresh', 'train fresh']);
  assert.deepEqual(await runAll(path, {}), { ran: [], notes: [] });

  const mode = await runAll(path, { mode: '1-vs-1' });
  assert.deepEqual(mode.ran, ['train fresh']);
  assert.match(mode.notes[0], /^mode changed from 3-vs-1 to 1-vs-1: train runs again; older/);
  assert.equal(readFileSync(join(path, 'detector.previous.json'), 'utf8'), '{}');

  const hot = await runAll(path, { mode: '1-vs-1', temperature: 0.7 });
  assert.deepEqual(hot.ran, ['collect fresh', 'extract fresh', 'train fresh']);
  assert.equal(hot.notes.length, 1);
  assert.match(
    hot.notes[0],
    /^temperature changed from 1 to 0.7: collect runs again, and after it extract, train;/,
  );
  assert.equal(readFileSync(join(path, 'responses.previous.jsonl'), 'utf8'), '{}');
});

test('a stage that was cut off is resumed, and one with a larger quota goes on from its responses', async () => {
  const path = join(root, 'resume');
  assert.deepEqual((await runAll(path, { fails: 'extract' })).ran, ['collect fresh', 'extract fresh']);
  assert.deepEqual((await runAll(path, {})).ran, ['extract resume', 'train fresh']);
  const responses = readFileSync(join(path, 'responses.jsonl'), 'utf8');
  const more = await runAll(path, { quota: 20 });
  assert.deepEqual(more.ran, ['collect extend', 'extract fresh', 'train fresh']);
  assert.equal(readFileSync(join(path, 'responses.jsonl'), 'utf8'), responses);
  assert.equal(existsSync(join(path, 'cases.previous.jsonl')), true);
});

test('cut off under one setting, a stage does not go on under another', async () => {
  const path = join(root, 'other-setting');
  await runAll(path, { fails: 'collect' });
  assert.deepEqual((await runAll(path, { temperature: 0.5, fails: 'collect' })).ran, ['collect fresh']);
  assert.match(readFileSync(join(path, 'responses.jsonl'), 'utf8'), /0\.5/);
});

test('a lost file makes its stage run again', async () => {
  const path = join(root, 'lost');
  await runAll(path, {});
  spawnSync('rm', [join(path, 'features.safetensors')]);
  assert.deepEqual((await runAll(path, {})).ran, ['extract fresh', 'train fresh']);
});

test('a later stage says which command is missing', async () => {
  const path = join(root, 'order');
  const folder = await openRunFolder(path, subject, { command: [] });
  await expectUserError(
    () =>
      runStage(
        folder,
        { stage: 'train', settings: {} },
        {},
        () => {},
        async () => ({ counts: {}, summary: '' }),
      ),
    /no finished extract stage/,
    /hneurons extract --out/,
  );
  folder.close();
});

test('a folder of another model or other questions is refused, and kept aside with --force', async () => {
  const path = join(root, 'other');
  await runAll(path, {});
  const other = { ...subject, model: { ...model, name: 'n', sha256: 'c'.repeat(64) } };
  await expectUserError(
    () => openRunFolder(path, other, { command: [] }),
    /another model \(m\)/,
    /--out/,
    /--force/,
  );
  const asked = { ...subject, questions: { ...questions, sha256: 'd'.repeat(64) } };
  await expectUserError(() => openRunFolder(path, asked, { command: [] }), /other questions/);
  assert.deepEqual((await runAll(path, {})).ran, [], 'a refusal changes nothing');
  const folder = await openRunFolder(path, other, { command: [], force: true });
  folder.close();
  assert.equal(readManifest(path)?.model.name, 'n');
  assert.equal(existsSync(join(path, previousName('detector.json'))), true);
  assert.equal(existsSync(join(path, 'detector.json')), false);
});

test('one process at a time; the lock of a dead one is taken over', async () => {
  const path = join(root, 'lock');
  const folder = await openRunFolder(path, subject, { command: [] });
  await expectUserError(() => openExistingRun(path, { command: [] }), /in use/);
  folder.close();
  const lock = (pid: number) => writeFileSync(join(path, 'lock'), JSON.stringify({ pid, host: hostname() }));
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  for (const pid of [dead, process.pid]) {
    lock(pid);
    (await openExistingRun(path, { command: [] })).close();
    assert.equal(existsSync(join(path, 'lock')), false);
  }
  writeFileSync(join(path, 'lock'), '{"pid"');
  (await openExistingRun(path, { command: [] })).close();
  lock(process.ppid);
  await expectUserError(() => openExistingRun(path, { command: [] }), /process \d+/);
});

test('a folder is taken without harm to what the user keeps in it', () => {
  const path = join(root, 'mine');
  mkdirSync(join(path, '.folder.9.1.tmp'), { recursive: true });
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const kept = ['notes.tmp', '.notes.tmp', 'a.7.1.tmp', `.other.gguf.${process.ppid}.1.tmp`];
  const left = [`.detector.json.${dead}.3.tmp`, `.detector.json.${process.pid}.99999.tmp`];
  for (const name of [...kept, ...left]) writeFileSync(join(path, name), '');
  lockOutput(path)();
  assert.deepEqual(readdirSync(path).sort(), [...kept, '.folder.9.1.tmp'].sort());
});

test('a file in the place of a folder is one line', async () => {
  const file = join(root, 'a-file');
  writeFileSync(file, '');
  await expectUserError(
    () => lockOutput(file),
    /^cannot write to .*a-file: a file of this name is in the way/,
  );
  await expectUserError(() => lockOutput(join(file, 'x')), /a part of the path is not a folder/);
});

const full = existsSync('/dev/full') ? test : test.skip;
full('a full disk at the start is one line, and no half of a lock stays', async () => {
  const path = join(root, 'full');
  mkdirSync(path);
  // What the lock is written to before it gets its name.
  symlinkSync('/dev/full', draftName(join(path, 'lock')));
  await expectUserError(() => lockOutput(path), /^cannot write to .*full: the disk is full/);
  assert.deepEqual(readdirSync(path), []);
});

test('a damaged manifest is named', async () => {
  const path = join(root, 'damaged');
  (await openRunFolder(path, subject, { command: [] })).close();
  writeFileSync(join(path, 'manifest.json'), '{"schemaVersion": 9}');
  await expectUserError(() => openExistingRun(path, { command: [] }), /manifest\.json/);
});

test('fingerprints depend on values, not on their order', () => {
  const identity = { stage: 'train', settings: { a: 1, b: [1, 2] }, inputs: {}, after: { x: 'y' } };
  assert.equal(fingerprint(identity), fingerprint({ ...identity, settings: { b: [1, 2], a: 1 } }));
  assert.notEqual(fingerprint(identity), fingerprint({ ...identity, settings: { a: 1, b: [2, 1] } }));
  assert.notEqual(fingerprint(identity), fingerprint({ ...identity, after: { x: 'z' } }));
});
