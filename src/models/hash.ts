import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ownCache } from './places.js';
import type { ResolvedModel } from './types.js';

const SHARD = /-00001-of-(\d{5})\.gguf$/i;
const MemoSchema = z.object({
  stamp: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/),
});

/**
 * SHA-256 of a resolved model, for manifests: the known one, else computed (all shards in order, as one stream).
 * A computed hash is remembered in our cache for as long as size, time and inode of the files stay the same.
 * @throws the file system's error when the file cannot be read; the signal's reason when aborted.
 */
export async function modelSha256(
  model: ResolvedModel,
  options: { signal?: AbortSignal; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  if (model.sha256 !== undefined) return model.sha256;
  const files = await shards(model.path);
  const env = options.env ?? process.env;
  const stamps: string[] = [];
  for (const file of files) stamps.push(await fileStamp(file));
  const stamp = stamps.join(' ');
  const known = await recallHash(env, files[0]!, stamp);
  if (known !== undefined) return known;

  const hash = createHash('sha256');
  for (const file of files) {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      options.signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
  }
  const sha256 = hash.digest('hex');
  await rememberHash(env, files[0]!, stamp, sha256);
  return sha256;
}

/** A text that changes whenever the file does. */
export async function fileStamp(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return `${size}.${mtimeNs}.${ino}`;
}

/** The hash remembered under a key, unless the file has another stamp by now. */
export async function recallHash(
  env: NodeJS.ProcessEnv,
  key: string,
  stamp: string,
): Promise<string | undefined> {
  const known = await readMemo(memoPath(env, key));
  return known?.stamp === stamp ? known.sha256 : undefined;
}

/** Only a convenience: a read-only cache must not stop anybody. */
export async function rememberHash(
  env: NodeJS.ProcessEnv,
  key: string,
  stamp: string,
  sha256: string,
): Promise<void> {
  await writeMemo(memoPath(env, key), JSON.stringify({ stamp, sha256 })).catch(() => undefined);
}

function memoPath(env: NodeJS.ProcessEnv, key: string): string {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
  return join(ownCache(env), 'hashes', `${name}.json`);
}

async function shards(path: string): Promise<string[]> {
  const count = Number(SHARD.exec(path)?.[1] ?? 1);
  const paths = Array.from({ length: count }, (_, i) =>
    path.replace(SHARD, `-${String(i + 1).padStart(5, '0')}-of-$1.gguf`),
  );
  return Promise.all(paths.map((shard) => realpath(shard)));
}

async function readMemo(path: string): Promise<z.infer<typeof MemoSchema> | undefined> {
  try {
    return MemoSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function writeMemo(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const fresh = `${path}.${process.pid}.tmp`;
  await writeFile(fresh, text);
  await rename(fresh, path);
}
