import { mkdir, stat, statfs } from 'node:fs/promises';
import { UserError } from '../errors.js';

/** Bytes as people read them, in decimal units like file managers and hubs show: `253 MB`. */
export function humanBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Creates the folder and throws a UserError when fewer than `bytes` are free there. */
export async function ensureSpace(folder: string, bytes: number, what: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free < bytes) {
    throw new UserError(
      `${what}: not enough room in ${folder}: ${humanBytes(bytes)} needed, ${humanBytes(free)} free; ` +
        'make room or choose another cache folder with HNEURONS_CACHE or HF_HOME',
    );
  }
}

/** Size of a regular file (symlinks followed), or undefined when there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  try {
    const info = await stat(path);
    return info.isFile() ? info.size : undefined;
  } catch {
    return undefined;
  }
}
