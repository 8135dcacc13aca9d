import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { holderState, type LockHolder, silence, thisHolder, touchLock } from '../lock-holder.js';

const HEARTBEAT_MS = 2000;
const STALE_MS = 60_000;
const POLL_MS = 250;

/**
 * Runs `work` while holding the lock file `path`, so that one process at a time writes a download. Waits for
 * another holder (`onWait` is called once); a lock whose process is gone, or which has had no heartbeat for a
 * minute, is taken over.
 */
export async function withLock<T>(
  path: string,
  { signal, onWait }: { signal?: AbortSignal; onWait?: () => void },
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const ticket = JSON.stringify({ ...thisHolder(), id: randomUUID() });
  let told = false;
  while (!(await take(path, ticket))) {
    if (await isStale(path)) {
      await breakLock(path);
      continue;
    }
    if (!told) onWait?.();
    told = true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
  const heartbeat = setInterval(() => touchLock(path, ticket), HEARTBEAT_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if ((await readTicket(path)) === ticket) await rm(path, { force: true });
  }
}

async function take(path: string, ticket: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(ticket).finally(() => file.close());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readTicket(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

async function isStale(path: string): Promise<boolean> {
  const ticket = await readTicket(path);
  if (ticket === undefined) return false;
  if ((await silenceOf(path)) > STALE_MS) return true;
  try {
    return holderState(JSON.parse(ticket) as LockHolder) === 'dead';
  } catch {
    // Created but not yet written; its age decides.
    return false;
  }
}

/** By the clock of the file system, which other machines share. */
async function silenceOf(path: string): Promise<number> {
  const probe = `${path}.${randomUUID()}`;
  try {
    await writeFile(probe, '');
    return silence(path, probe);
  } finally {
    await rm(probe, { force: true });
  }
}

/** Moves the stale lock aside before deleting it: of several processes that saw it, only one can move it. */
async function breakLock(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  // Somebody quicker may have broken it and taken a new one in between: put that one back.
  if (await isStale(aside)) await rm(aside, { force: true });
  else await rename(aside, path);
}
