import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { isRunning } from '../processes.js';

const held = new Set<string>();

/** A holder that beats touches its lock this often, and is taken for dead when it has not done so for ten times as long. */
const BEAT_MS = 30_000;
const SILENT_BEATS = 10;

interface Lock {
  pid: number;
  host: string;
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
 * Takes a lock by the path of its file. `what` it stands for names it in messages.
 * @param options.beats shows by the time of the file that this process is alive, so that a process on another machine can take
 *   over when this one is gone.
 * @returns a function that gives it back.
 * @throws UserError when another living process holds it.
 */
export function lockFile(path: string, what: string, options: { beats?: boolean } = {}): () => void {
  const content = JSON.stringify({ pid: process.pid, host: hostname(), ...options });
  for (let attempt = 0; attempt < 5; attempt++) {
    // The lock appears whole or not at all: a link to a file that is already written.
    const draft = `${path}.${process.pid}`;
    try {
      writeFileSync(draft, content);
      linkSync(draft, path);
      held.add(path);
      const beat = options.beats ? setInterval(() => touch(path), BEAT_MS).unref() : undefined;
      return () => {
        clearInterval(beat);
        if (held.delete(path)) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    removeStale(path, what);
  }
  throw new UserError(`${what} is in use by another hneurons process; wait for it or choose another --out`);
}

function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // A lock that somebody has removed by hand.
  }
}

function removeStale(path: string, what: string): void {
  const found = readLock(path);
  if (found === undefined) return;
  if (isAlive(path, found)) {
    throw new UserError(
      `${what} is in use by process ${found.pid} on ${found.host}; wait for it or choose another --out ` +
        `(if no such hneurons is running, delete ${path})`,
    );
  }
  // Two processes may find the same dead lock: only the one whose rename succeeds removes it, and one that moved a
  // fresh lock by mistake puts it back.
  const aside = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readLock(aside);
  if (moved !== undefined && moved.text !== found.text && isAlive(path, moved)) {
    try {
      linkSync(aside, path);
    } catch {}
  }
  rmSync(aside, { force: true });
}

function isAlive(path: string, lock: Lock): boolean {
  // A container starts its processes with the same small ids each time: our own id in a lock that we did not take is dead.
  if (lock.pid <= 0) return false;
  if (lock.host !== hostname()) return !lock.beats || age(path) < BEAT_MS * SILENT_BEATS;
  if (lock.pid === process.pid) return held.has(path);
  return isRunning(lock.pid);
}

/** Time since the lock was touched last, in ms. */
function age(path: string): number {
  const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return time === undefined ? 0 : Date.now() - time;
}

function readLock(path: string): Lock | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const { pid, host, beats } = JSON.parse(text) as Lock;
    return { pid, host, beats, text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { pid: -1, host: hostname(), text: '' };
  }
}
