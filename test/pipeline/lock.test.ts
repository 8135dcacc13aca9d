import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { holderState, silence, thisHolder, touchLock } from '../../src/lock-holder.js';
import { withLock } from '../../src/models/lock.js';
import { lockFile } from '../../src/pipeline/lock.js';
import { isRunning, processState, stateByPs } from '../../src/processes.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const linux = process.platform === 'linux';
const lockModule = new URL('../../src/pipeline/lock.js', import.meta.url).href;
const hour = () => new Date(Date.now() - 3_600_000);

/** A lock file as a process would have left it. */
function leave(name: string, holder: object): string {
  const path = join(root, name);
  writeFileSync(path, JSON.stringify({ ...thisHolder(), beats: true, ...holder }));
  return path;
}

function takes(path: string): void {
  lockFile(path, 'the run folder')();
  assert.equal(existsSync(path), false);
}

/** A process that was killed and that its parent does not reap. */
async function withZombie(use: (pid: number) => unknown): Promise<void> {
  // The shell becomes a program that never waits for its children.
  const parent = spawn('bash', ['-c', 'sleep 1000 & echo $!; exec sleep 1000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await parent.stdout.take(1).toArray()) as Buffer[];
    const pid = Number(line.toString());
    // Only the parent's new program leaves it unreaped.
    while (!readFileSync(`/proc/${parent.pid}/cmdline`, 'utf8').startsWith('sleep')) await pause();
    process.kill(pid, 'SIGKILL');
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await pause();
    await use(pid);
  } finally {
    parent.kill('SIGKILL');
  }
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 10));

test('a killed holder that is not reaped yet is dead', { skip: !linux }, async () => {
  await withZombie(async (pid) => {
    assert.equal(isRunning(pid), false);
    takes(leave('zombie', { pid }));
    takes(leave('zombie-old', { pid, start: undefined, space: undefined }));
    assert.equal(await withLock(leave('zombie-model', { pid, id: 'x' }), {}, async () => 1), 1);
  });
});

test('a process id that was used again is not that of the holder', { skip: !linux }, async () => {
  for (const pid of [process.pid, process.ppid]) {
    takes(leave('reused', { pid, start: '1' }));
    assert.equal(await withLock(leave('reused-model', { pid, start: '1', id: 'x' }), {}, async () => 1), 1);
  }
  const state = processState(process.ppid);
  assert.ok(state.running && state.start !== undefined);
  await expectUserError(
    () => lockFile(leave('alive', { pid: process.ppid, start: state.start }), 'the run folder'),
    /^the run folder is in use by process \d+ on /,
  );
});

test('our own lock is ours alone, and a lock of our id from before is not', async () => {
  const path = join(root, 'own');
  const release = lockFile(path, 'the run folder');
  await expectUserError(() => lockFile(path, 'the run folder'), /in use by process/);
  release();
  takes(leave('own-old', { start: undefined, space: undefined }));
});

test('a renamed machine still knows its processes', { skip: !linux }, async () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  takes(leave('renamed', { host: 'name-of-yesterday', pid: dead }));
  await expectUserError(
    () => lockFile(leave('renamed-alive', { host: 'name-of-yesterday', ...aliveParent() }), 'the run folder'),
    /in use by process/,
  );
});

function aliveParent() {
  const state = processState(process.ppid);
  return { pid: process.ppid, start: state.running ? state.start : undefined };
}

test('the lock of another machine or container is taken over after five minutes of silence, not before', async () => {
  const others = [
    { host: 'elsewhere', space: 'another boot' },
    { host: 'elsewhere', space: undefined },
    // A container with the name of the one before, or the same machine after a restart.
    { host: hostname(), space: 'another boot' },
  ];
  for (const other of others) {
    if (!linux && other.host !== 'elsewhere') continue;
    const path = leave('other', { ...other, pid: process.pid });
    await expectUserError(
      () => lockFile(path, 'the run folder'),
      /another machine or container \(last sign of life \d+ s ago, it is taken over after 5 min without one\)/,
      /delete .*other/,
    );
    assert.ok(existsSync(path));
    utimesSync(path, hour(), hour());
    takes(path);
  }
  const path = leave('old-version', { host: 'elsewhere', space: undefined, beats: undefined });
  utimesSync(path, hour(), hour());
  await expectUserError(() => lockFile(path, 'the run folder'), /elsewhere/, /delete/);
});

test('a living holder touches its lock by the clock of the file system, until another has it', () => {
  const path = join(root, 'touched');
  writeFileSync(path, 'mine');
  utimesSync(path, hour(), hour());
  const probe = join(root, 'probe');
  writeFileSync(probe, '');
  assert.ok(silence(path, probe) > 3_500_000);
  assert.equal(touchLock(path, 'mine'), true);
  assert.ok(silence(path, probe) < 60_000);
  assert.equal(readFileSync(path, 'utf8'), 'mine');
  const { mtimeMs } = statSync(path);
  assert.equal(touchLock(path, 'another'), false);
  assert.equal(statSync(path).mtimeMs, mtimeMs);
  rmSync(path);
  assert.equal(touchLock(path, 'mine'), false);
});

test('ps tells the same of a process as /proc', { skip: process.platform === 'win32' }, () => {
  if (spawnSync('ps', ['-p', '1']).error) return;
  const state = stateByPs(process.pid);
  assert.ok(state.running && state.start !== undefined);
  assert.deepEqual(stateByPs(process.pid), state);
  assert.equal(holderState({ ...thisHolder(), pid: -1 }), 'dead');
});

/** Takes the lock, notes when it has it and gives it back, as often as it can; prints how often. */
const CONTENDER = `
  import fs from 'node:fs';
  const { lockFile } = await import(process.argv[1]);
  const [path, inside] = process.argv.slice(2);
  let taken = 0;
  for (let round = 0; round < 60; round++) {
    let release;
    try { release = lockFile(path, 'it'); } catch (error) { if (error.name !== 'UserError') throw error; continue; }
    fs.writeFileSync(inside, '', { flag: 'wx' });
    taken++;
    // Every other one is left behind as by a process that was killed.
    fs.rmSync(inside);
    if (round % 2 === 0) fs.writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host: ${JSON.stringify(hostname())} }));
    release();
  }
  console.log(taken);
`;

test('several processes, which find dead locks all the time: never two inside', async () => {
  const path = join(root, 'contended');
  writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
  const children = [1, 2, 3].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', CONTENDER, lockModule, path, join(root, 'inside')]),
  );
  const ended = await Promise.all(children.map(outcome));
  for (const { code, said } of ended) assert.equal(code, 0, said);
  assert.ok(ended.reduce((sum, { said }) => sum + Number(said), 0) > 0);
  rmSync(path, { force: true });
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('contended')),
    [],
  );
});

async function outcome(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (data) => (said += data));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}
