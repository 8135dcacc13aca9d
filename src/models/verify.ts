import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { humanBytes } from './disk.js';
import type { Digest } from './download.js';
import { fileStamp, recallHash, rememberHash } from './hash.js';
import type { Session } from './types.js';

/** Files from this size on take seconds to read: the user is told. */
const LARGE = 1e9;

/** A hash to be updated with a file's bytes. The object id of git covers the size, too. */
export function startDigest({ algorithm }: Digest, size: number | undefined): Hash {
  if (algorithm === 'sha256') return createHash('sha256');
  return createHash('sha1').update(`blob ${size}\0`);
}

/**
 * True if a file of the cache has the digest. The file is read once: the result is remembered for as long as its size, time and
 * inode stay the same.
 * @param size bytes of the file
 */
export async function hasDigest(
  session: Session,
  path: string,
  digest: Digest,
  size: number,
): Promise<boolean> {
  const file = await realpath(path);
  const key = `${digest.algorithm} ${file}`;
  const stamp = await fileStamp(file);
  const known = await recallHash(session.env, key, stamp);
  if (known !== undefined) return known === digest.hex;
  if (size >= LARGE) session.notice(`Checking ${path} (${humanBytes(size)}), once.`);
  const hash = startDigest(digest, size);
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    session.signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  const hex = hash.digest('hex');
  await rememberHash(session.env, key, stamp, hex);
  return hex === digest.hex;
}

/** Remembers the digest of a file that was computed while it was downloaded. */
export async function rememberDigest(session: Session, path: string, digest: Digest): Promise<void> {
  const file = await realpath(path);
  await rememberHash(session.env, `${digest.algorithm} ${file}`, await fileStamp(file), digest.hex);
}
