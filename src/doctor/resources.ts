import { readFileSync } from 'node:fs';
import { mkdtemp, rmdir, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { hubCache, ownCache } from '../models/places.js';
import type { DoctorReport, PlaceFacts } from './schema.js';

export function describeThreads(threads?: number): DoctorReport['threads'] {
  return {
    default: threads ?? availableParallelism(),
    processors: cpus().length,
    limit: process.platform === 'linux' ? cpuLimit(readText) : null,
    loadAverage: process.platform === 'win32' ? null : Math.round(loadavg()[0] * 100) / 100,
  };
}

/** CPU time limit of the control group in processors, of version 2 or 1; null without one. `read` gives the text of a file. */
export function cpuLimit(read: (path: string) => string | undefined): number | null {
  const mount = '/sys/fs/cgroup';
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    if (controllers === '') {
      const max = read(`${mount}${path}/cpu.max`) ?? read(`${mount}/cpu.max`);
      const limit = ratio(...((max ?? '').trim().split(/\s+/) as [string, string]));
      if (limit !== null) return limit;
    } else if (controllers.split(',').includes('cpu')) {
      const get = (name: string) => read(`${mount}/cpu${path}/${name}`) ?? read(`${mount}/cpu/${name}`) ?? '';
      const limit = ratio(get('cpu.cfs_quota_us'), get('cpu.cfs_period_us'));
      if (limit !== null) return limit;
    }
  }
  return null;
}

function ratio(quota: string, period: string): number | null {
  const value = Number(quota) / Number(period);
  return quota !== '' && value > 0 && Number.isFinite(value) ? value : null;
}

export function describeMemory(): DoctorReport['memory'] {
  const total = totalmem();
  const limit = process.constrainedMemory?.() ?? 0;
  return {
    totalBytes: total,
    freeBytes: freemem(),
    limitBytes: limit > 0 && limit < total ? limit : null,
  };
}

/** Space and write access where files are put. Creates nothing that stays. */
export function describePlaces(env: NodeJS.ProcessEnv): Promise<PlaceFacts[]> {
  return Promise.all([
    describePlace('cache', ownCache(env)),
    describePlace('hub cache', hubCache(env)),
    describePlace('current folder', process.cwd()),
  ]);
}

async function describePlace(name: PlaceFacts['name'], path: string): Promise<PlaceFacts> {
  let folder = resolve(path);
  for (;;) {
    try {
      const { bavail, bsize } = await statfs(folder);
      // Access rights alone do not tell of read-only file systems, quotas and Windows: try it.
      const problem = await tryWriting(folder);
      return { name, path, freeBytes: bavail * bsize, writable: problem === null, problem };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A folder that does not exist yet is made when it is needed, in the nearest one that does.
      if (code === 'ENOENT' && dirname(folder) !== folder) folder = dirname(folder);
      else return { name, path, freeBytes: null, writable: false, problem: explainCode(code) };
    }
  }
}

async function tryWriting(folder: string): Promise<string | null> {
  try {
    await rmdir(await mkdtemp(join(folder, '.hneurons-doctor-')));
    return null;
  } catch (error) {
    return explainCode((error as NodeJS.ErrnoException).code);
  }
}

const CODES: Record<string, string> = {
  EACCES: 'no permission to write',
  EPERM: 'no permission to write',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a part of the path is a file',
};

function explainCode(code: string | undefined): string {
  return CODES[code ?? ''] ?? `cannot be written (${code ?? 'unknown error'})`;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
