import { mkdir, readdir, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileSize } from './disk.js';
import type { Digest } from './download.js';
import type { Session } from './types.js';
import { hasDigest } from './verify.js';

/**
 * The Hugging Face cache as the Python client lays it out, so that both share their downloads:
 * `models--owner--repo/blobs/<etag>` (`datasets--…` for data sets), `snapshots/<commit>/<path>` (symlinks to the blobs), `refs/<revision>`
 * (the commit).
 */

export interface CachedFile {
  /** Path in the repository, with forward slashes. */
  path: string;
  /** Path on disk: the snapshot's, so that the shards of a split model lie side by side. */
  location: string;
  size: number;
  /** From the blob's name, where the file is in LFS and the platform has symlinks. */
  sha256?: string;
  /** From the blob's name, where the platform has symlinks. */
  digest?: Digest;
}

export type RepoKind = 'model' | 'dataset';

export function repoFolder(cache: string, repo: string, kind: RepoKind = 'model'): string {
  return join(cache, `${kind}s--${repo.replaceAll('/', '--')}`);
}

/** `models--owner--repo` back to `owner/repo`. */
export function repoOfFolder(name: string): string | undefined {
  const match = /^models--(.+?)--(.+)$/.exec(name);
  return match ? `${match[1]}/${match[2]}` : undefined;
}

const COMMIT = /^[0-9a-f]{40}$/;

/** The commit that a revision had when it was last fetched. */
export async function cachedCommit(folder: string, revision: string): Promise<string | undefined> {
  if (COMMIT.test(revision)) return revision;
  const commit = await readFile(join(folder, 'refs', revision), 'utf8').catch(() => '');
  return COMMIT.test(commit.trim()) ? commit.trim() : undefined;
}

/** GGUFs of a cached snapshot. */
export function cachedGgufs(folder: string, commit: string): Promise<CachedFile[]> {
  return cachedFiles(folder, commit, /\.gguf$/i);
}

/** Files of a cached snapshot whose name fits, in order. Pointers to blobs that are gone are left out. */
export async function cachedFiles(folder: string, commit: string, wanted: RegExp): Promise<CachedFile[]> {
  const root = join(folder, 'snapshots', commit);
  const entries = await readdir(root, { recursive: true }).catch(() => [] as string[]);
  const found: CachedFile[] = [];
  for (const entry of entries.sort()) {
    if (!wanted.test(entry)) continue;
    const size = await fileSize(join(root, entry));
    if (size === undefined) continue;
    const blob = basename(await realpath(join(root, entry)));
    const digest = digestOf(blob);
    const sha256 = digest?.algorithm === 'sha256' ? blob : undefined;
    found.push({ path: entry.replaceAll('\\', '/'), location: join(root, entry), size, sha256, digest });
  }
  return found;
}

/** A blob is named by its SHA-256, or by its object id in git. */
function digestOf(blob: string): Digest | undefined {
  if (/^[0-9a-f]{64}$/.test(blob)) return { algorithm: 'sha256', hex: blob };
  return /^[0-9a-f]{40}$/.test(blob) ? { algorithm: 'git-sha1', hex: blob } : undefined;
}

/** Notices a file of the cache that is not what its blob's name says, and returns false, if there is one. */
export async function areIntact(session: Session, files: readonly CachedFile[]): Promise<boolean> {
  for (const { location, digest, size } of files) {
    if (digest === undefined || (await hasDigest(session, location, digest, size))) continue;
    session.notice(`${location} in the cache is damaged (its content is not what its blob's name says).`);
    return false;
  }
  return true;
}

export async function cachedCommits(folder: string): Promise<string[]> {
  return readdir(join(folder, 'snapshots')).catch(() => []);
}

/** Puts the pointer for a verified blob into the snapshot and returns its path. */
export async function placeSnapshot(
  folder: string,
  commit: string,
  path: string,
  blob: string,
): Promise<string> {
  const pointer = join(folder, 'snapshots', commit, path);
  await mkdir(dirname(pointer), { recursive: true });
  const target = await realpath(blob).catch(() => undefined);
  // Without a blob the pointer is the file itself (Windows).
  if (target === undefined) return pointer;
  // A pointer to something else is replaced: only the blob is known to be right.
  if ((await realpath(pointer).catch(() => undefined)) === target) return pointer;
  await rm(pointer, { force: true });
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return pointer;
    // Windows without the right to make symlinks: the file itself goes into the snapshot, as in Python.
    if (code !== 'EPERM' && code !== 'ENOSYS') throw error;
    await rename(blob, pointer);
  }
  return pointer;
}

export async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  if (revision === commit) return;
  const path = join(folder, 'refs', revision);
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.tmp`;
  await writeFile(fresh, commit);
  await rename(fresh, path);
}
