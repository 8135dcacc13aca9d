import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from '../errors.js';

const held = new Set<string>();

/**
 * Takes the run folder for this process, so that two commands cannot write into it at once. The lock of a process
 * that is no longer alive (killed, crashed, power cut) is taken over.
 *
 * @returns a function that gives the folder back.
 * @throws UserError when another living process holds it.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const content = JSON.stringify({ pid: process.pid, host: hostname() });
  for (let attempt = 0; attempt < 5; attempt++) {
    // The lock appears whole or not at all: a link to a file that is already written.
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, content);
    try {
      linkSync(draft, path);
      held.add(path);
      return () => {
        if (held.delete(path)) rmSync(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    removeStale(path);
  }
  throw new UserError(`${folder} is in use by another hneurons process; wait for it or choose another --out`);
}

function removeStale(path: string): void {
  const found = readLock(path);
  if (found === undefined) return;
  if (isAlive(path, found)) {
    throw new UserError(
      `the run folder is in use by process ${found.pid} on ${found.host}; wait for it or choose another --out ` +
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

function isAlive(path: string, lock: { pid: number; host: string }): boolean {
  // A container starts its processes with the same small ids each time: our own id in a lock that we did not take is dead.
  if (lock.pid <= 0) return false;
  if (lock.host !== hostname()) return true;
  if (lock.pid === process.pid) return held.has(path);
  try {
    process.kill(lock.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readLock(path: string): { pid: number; host: string; text: string } | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const { pid, host } = JSON.parse(text) as { pid: number; host: string };
    return { pid, host, text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    return { pid: -1, host: hostname(), text: '' };
  }
}
