import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { holderState, type LockHolder, silence, thisHolder, touchLock } from '../lock-holder.js';

/** Processes of several machines or containers may have one id. */
const PROCESS = `${process.pid}.${randomUUID()}`;

/** Locks that this process holds. */
const held = new Set<string>();

/** A holder touches its lock this often. One that this process cannot see counts as dead after a silence of ten times as long. */
const BEAT_MS = 30_000;
const SILENT_MS = 10 * BEAT_MS;
/** A process that was killed while it removed a dead lock is waited for so long. */
const TAKEOVER_MS = 10_000;
const PAUSE_MS = 50;
const ATTEMPTS = 2 * (TAKEOVER_MS / PAUSE_MS);

interface Lock extends LockHolder {
  /** The holder touches the file. Locks of older versions do not say so, and are not touched. */
  beats?: boolean;
  text: string;
}

/**
 * Takes the run folder for this process, so that two commands cannot write into it at once. The lock of a process
 * that is no longer alive (killed, crashed, power cut) is taken over.
 *
 * @returns a function that gives the folder back.
 * @throws UserError when another living process holds it.
 */
export function lockFolder(folder: string): () => void {
  return lockFile(join(folder, 'lock'), 'the run folder');
}

/**
 * Takes a lock by the path of its file. `what` it stands for names it in messages. While it is held, the time of the file shows to
 * other machines that this process is alive.
 * @returns a function that gives it back.
 * @throws UserError when another living process holds it, or one of which this machine cannot know.
 */
export function lockFile(path: string, what: string): () => void {
  const content = JSON.stringify({ ...thisHolder(), beats: true });
  const draft = draftName(path);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // The lock appears whole or not at all: a link to a file that is already written.
    try {
      writeFileSync(draft, content);
      linkSync(draft, path);
      return hold(path, what, content);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      removeDead(path, what, draft);
    } finally {
      rmSync(draft, { force: true });
    }
  }
  throw new UserError(`${what} is in use by another hneurons process; wait for it or choose another --out`);
}

/** What a lock is written to before it gets its name. */
export function draftName(path: string): string {
  return `${path}.${PROCESS}`;
}

function hold(path: string, what: string, content: string): () => void {
  held.add(path);
  const beat = setInterval(() => {
    if (touchLock(path, content)) return;
    clearInterval(beat);
    held.delete(path);
    // This process was suspended for so long that another one took over: two must not write.
    throw new UserError(
      `${what} was taken over by another process (${path}), as this one was silent for long; stopped`,
    );
  }, BEAT_MS).unref();
  return () => {
    clearInterval(beat);
    if (held.delete(path) && readLock(path)?.text === content) rmSync(path, { force: true });
  };
}

/**
 * Removes a lock whose holder is dead. Of several processes that find it, one at a time looks and removes, so that none of them
 * removes the lock that another has just taken.
 * @throws UserError when the holder is alive, or may be.
 */
function removeDead(path: string, what: string, draft: string): void {
  const found = readLock(path);
  if (found === undefined) return;
  assertDead(path, what, draft, found);
  const takeover = `${path}.takeover`;
  try {
    writeFileSync(takeover, '', { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (silence(takeover, draft) > TAKEOVER_MS) rmSync(takeover, { force: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    return;
  }
  try {
    if (readLock(path)?.text === found.text) rmSync(path, { force: true });
  } finally {
    rmSync(takeover, { force: true });
  }
}

/** @throws UserError that says who holds the lock and what to do */
function assertDead(path: string, what: string, draft: string, lock: Lock): void {
  // A container starts its processes with the same small ids each time: our own id in a lock that we did not take is dead.
  const own = lock.pid === process.pid && lock.host === hostname() && lock.start === undefined;
  const state = own && !held.has(path) ? 'dead' : holderState(lock);
  if (state === 'dead') return;
  const silent = silence(path, draft);
  if (state === 'unknown' && lock.beats && silent > SILENT_MS) return;
  const holder = `${what} is in use by process ${lock.pid} on ${lock.host}`;
  const remedy = 'wait for it or choose another --out';
  if (state === 'alive') {
    throw new UserError(`${holder}; ${remedy} (if no such hneurons is running, delete ${path})`);
  }
  const seen = Math.max(0, Math.round(silent / 1000));
  const then = lock.beats ? `, it is taken over after ${SILENT_MS / 60_000} min without one` : '';
  throw new UserError(
    `${holder}, another machine or container (last sign of life ${seen} s ago${then}); ${remedy} (if it is gone, delete ${path})`,
  );
}

/** The lock in a file; a damaged one, which no version writes, is that of nobody. */
function readLock(path: string): Lock | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { pid, host, space, start, beats } = JSON.parse(text) as Lock;
    return { pid, host, space, start, beats, text };
  } catch {
    return { pid: -1, host: hostname(), text };
  }
}
