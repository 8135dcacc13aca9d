import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { processSpace, processState } from './processes.js';

/** The process that a lock file names. Locks of older versions have `pid` and `host` alone. */
export interface LockHolder {
  pid: number;
  host: string;
  /** See {@link processSpace}. */
  space?: string;
  /** See {@link processState}. */
  start?: string;
}

/** This process, as a lock file names it. */
export function thisHolder(): LockHolder {
  const state = processState(process.pid);
  return {
    pid: process.pid,
    host: hostname(),
    space: processSpace(),
    start: state.running ? state.start : undefined,
  };
}

/**
 * State of a lock's holder. `unknown`: it runs, or ran, on another machine or in another container, where its process id says nothing
 * here.
 */
export function holderState({ pid, host, space, start }: LockHolder): 'alive' | 'dead' | 'unknown' {
  if (!(pid > 0)) return 'dead';
  const here = processSpace();
  const same = space !== undefined && here !== undefined ? space === here : host === hostname();
  if (!same) return 'unknown';
  const state = processState(pid);
  if (!state.running) return 'dead';
  // Another process with the id of the one that took the lock.
  return start !== undefined && state.start !== undefined && start !== state.start ? 'dead' : 'alive';
}

/** Time since a lock's holder showed that it is alive, ms. `probe`: a file just written beside it, so that one clock counts for both. */
export function silence(lock: string, probe: string): number {
  const time = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  const touched = time(lock);
  return touched === undefined ? 0 : (time(probe) ?? Date.now()) - touched;
}

/**
 * Shows that the holder is alive: writes a lock's content once more, so that the file server sets its time.
 * @returns false if the lock is no longer that of `content`
 */
export function touchLock(path: string, content: string): boolean {
  try {
    if (readFileSync(path, 'utf8') !== content) return false;
    const file = openSync(path, 'r+');
    try {
      writeSync(file, content, 0);
    } finally {
      closeSync(file);
    }
    return true;
  } catch (error) {
    // A file server that is away for a while takes no lock from its holder.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}
