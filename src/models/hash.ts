import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { ownCache } from './places.js';
import type { ResolvedModel } from './types.js';

const SHARD = /-00001-of-(\d{5})\.gguf$/i;
const MemoSchema = z.object({ stamp: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

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
  const stamps: string[] = [];
  for (const file of files) {
    const { size, mtimeNs, ino } = await stat(file, { bigint: true });
    stamps.push(`${size}.${mtimeNs}.${ino}`);
  }
  const stamp = stamps.join(' ');
  const key = createHash('sha256').update(files[0]!).digest('hex').slice(0, 32);
  const memo = join(ownCache(options.env ?? process.env), 'hashes', `${key}.json`);
  const known = await readMemo(memo);
  if (known?.stamp === stamp) return known.sha256;

  const hash = createHash('sha256');
  for (const file of files) {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
      options.signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
  }
  const sha256 = hash.digest('hex');
  // Only a convenience: a read-only cache must not stop anybody.
  await writeMemo(memo, JSON.stringify({ stamp, sha256 })).catch(() => undefined);
  return sha256;
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
