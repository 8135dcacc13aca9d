import { existsSync } from 'node:fs';
import { chmod, constants, copyFile, type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../processes.js';
import { fileError } from './file-error.js';

let serial = 0;

/** A name in the same folder (a rename must not cross file systems) that no other writer uses. */
export function temporaryName(path: string): string {
  serial += 1;
  return join(dirname(path), `.${basename(path)}.${process.pid}.${serial}.tmp`);
}

/** Whether a name is one of {@link temporaryName}'s, whose writer is gone: a killed process could not remove it. */
export function isLeftover(name: string): boolean {
  const pid = /^\..+\.(\d+)\.\d+\.tmp$/.exec(name)?.[1];
  return pid !== undefined && (Number(pid) === process.pid || !isRunning(Number(pid)));
}

/**
 * Writes a file so that at every moment the path holds the old content or the new one, never a part: a temporary
 * file in the same folder, filled by `fill`, fsynced, renamed. Missing folders are made.
 * Throws a UserError that names the file when the disk is full, not writable, and so on; the old file stays.
 */
export async function writeAtomicWith(
  path: string,
  fill: (file: FileHandle) => Promise<unknown>,
): Promise<void> {
  await replaceWith(path, (temporary) => open(temporary, 'w'), fill);
}

/** The steps of an atomic write; `start` makes the temporary file and opens it. */
async function replaceWith(
  path: string,
  start: (temporary: string) => Promise<FileHandle>,
  fill: (file: FileHandle) => unknown,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await start(temporary);
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await retryBusy(() => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(error, 'write', path);
  }
  await syncFolder(dirname(path));
}

/** `writeAtomicWith` for content that is at hand. A string is written as UTF-8. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await writeAtomicWith(path, (file) => file.writeFile(data));
}

/**
 * A changed copy of a file, as atomically as {@link writeAtomicWith}. Where the file system can, the copy shares the blocks that `change`
 * does not write with the source (a reflink), and takes no room for them.
 * @param change gets the copy, open for reading and writing
 */
export async function copyAtomicWith(
  source: string,
  path: string,
  change: (file: FileHandle) => unknown,
): Promise<void> {
  const start = async (temporary: string) => {
    await copyFile(source, temporary, constants.COPYFILE_FICLONE);
    // A model in a cache may be read-only, and its copy would be too.
    await chmod(temporary, 0o644);
    return open(temporary, 'r+');
  };
  await replaceWith(path, start, change);
}

/**
 * Makes a folder so that it is there whole or not at all: a temporary one beside it, filled by `fill`, renamed. A folder that is in the
 * way is removed when the new one is complete.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: string) => Promise<unknown>,
): Promise<void> {
  const temporary = temporaryName(path);
  const old = temporaryName(path);
  try {
    await mkdir(temporary, { recursive: true });
    await fill(temporary);
    if (existsSync(path)) await retryBusy(() => rename(path, old));
    await retryBusy(() => rename(temporary, path));
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    if (!existsSync(path) && existsSync(old)) await rename(old, path).catch(() => {});
    throw fileError(error, 'write', path);
  }
  await syncFolder(dirname(path));
  await rm(old, { recursive: true, force: true }).catch(() => {});
}

const BUSY = ['EPERM', 'EACCES', 'EBUSY'];
/** Waits between attempts, milliseconds. */
const BUSY_WAITS = [10, 30, 100, 300, 1000];

/** Tries a rename again on Windows, where it fails for as long as a virus scanner or an indexer has the file open. */
export async function retryBusy(work: () => Promise<void>, platform = process.platform): Promise<void> {
  for (const wait of platform === 'win32' ? BUSY_WAITS : []) {
    try {
      return await work();
    } catch (error) {
      if (!BUSY.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    await sleep(wait);
  }
  return work();
}

/** Makes a rename survive a power cut. Windows cannot open folders, and has no need to. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
