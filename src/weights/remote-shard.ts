import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { openJsonlWriter, readJsonl } from '../formats/jsonl.js';
import { ensureSpace, fileSize } from '../models/disk.js';
import { SourceFailure } from '../models/failure.js';
import { backOff, HttpFailure, networkFailure, requestOnce } from '../models/http.js';
import { fileUrl, type HubFile, type HubListing, hubFailure, login } from '../models/hub.js';
import { hubToken } from '../models/places.js';
import { meter } from '../models/progress.js';
import type { Session } from '../models/types.js';
import { nameOf, SCHEMES, splitName } from './names.js';

/** Bytes of one request: a cut connection costs no more than this. */
const PIECE = 16 << 20;
const AT_ONCE = 4;

const TensorSchema = z.object({ data_offsets: z.tuple([z.int().min(0), z.int().min(0)]) });
const DoneSchema = z.object({ start: z.int(), end: z.int() });

interface Range {
  start: number;
  end: number;
}

/**
 * Fetches header and FFN matrices of a shard into a sparse file of the same layout, those ranges that are not there yet: a list
 * beside it says which are.
 * @param path the file; it lies in a folder of its commit
 * @throws SourceFailure when the hub gives no ranges, or something other than a safetensors file.
 */
export async function fetchShard(
  session: Session,
  listing: HubListing,
  shard: HubFile,
  path: string,
): Promise<void> {
  const url = fileUrl(session, listing, shard.path);
  const get = (range: Range) => fetchRange(session, listing, url, range);
  const lengthBytes = await get({ start: 0, end: 8 });
  const header = 8 + Number(lengthBytes.readBigUInt64LE());
  if (!(header <= Math.min(shard.size, 100_000_000))) {
    throw new SourceFailure(`${shard.path} of ${listing.repo} is no safetensors file`);
  }
  const text = (await get({ start: 8, end: header })).toString('utf8');
  const ranges = [{ start: 0, end: header }, ...ffnRanges(text, header, shard)];

  const donePath = `${path}.done.jsonl`;
  // The list outlives a shard that somebody deleted: without the bytes it means nothing.
  if ((await fileSize(path)) !== shard.size) await rm(donePath, { force: true });
  const done = await readDone(donePath);
  const missing = ranges.flatMap(pieces).filter(({ start, end }) => !done.has(`${start}-${end}`));
  const total = missing.reduce((sum, { start, end }) => sum + end - start, 0);
  if (total === 0) return;
  await ensureSpace(dirname(path), total, listing.repo);
  const progress = meter(session, { stage: 'download', what: `FFN of ${shard.path}`, total });
  const file = await open(path, constants.O_RDWR | constants.O_CREAT);
  const writer = openJsonlWriter(donePath);
  try {
    // Sparse: what is not fetched takes no room, and the file has the size that its header speaks of.
    await file.truncate(shard.size);
    let next = 0;
    const ends = await Promise.allSettled(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < missing.length) {
          const range = missing[next++];
          try {
            await writeAt(file, await get(range), range.start);
          } catch (error) {
            next = missing.length;
            throw error;
          }
          writer.append(range);
          progress.add(range.end - range.start);
        }
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    await file.sync();
  } finally {
    writer.close();
    await file.close();
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** The byte ranges of FFN tensors in a shard, neighbours joined. */
function ffnRanges(text: string, header: number, { path, size }: HubFile): Range[] {
  let entries: Record<string, unknown>;
  try {
    entries = z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (cause) {
    throw new SourceFailure(`${path} is no safetensors file: its header is not JSON`, { cause });
  }
  const names = new Set(
    SCHEMES.flatMap((scheme) =>
      (['up', 'gate', 'down'] as const).flatMap((part) => nameOf(scheme, part)?.rest ?? []),
    ),
  );
  const ranges = Object.entries(entries).flatMap(([name, value]): Range[] => {
    const parsed = TensorSchema.safeParse(value);
    if (!parsed.success || !names.has(splitName(name)?.rest ?? '')) return [];
    const [start, end] = parsed.data.data_offsets;
    return header + end <= size ? [{ start: header + start, end: header + end }] : [];
  });
  ranges.sort((a, b) => a.start - b.start);
  return ranges.reduce<Range[]>((joined, range) => {
    const last = joined[joined.length - 1];
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else joined.push({ ...range });
    return joined;
  }, []);
}

function pieces({ start, end }: Range): Range[] {
  const list: Range[] = [];
  for (let at = start; at < end; at += PIECE) list.push({ start: at, end: Math.min(end, at + PIECE) });
  return list;
}

async function readDone(path: string): Promise<Set<string>> {
  const done = new Set<string>();
  if (!existsSync(path)) return done;
  for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
    const parsed = DoneSchema.safeParse(value);
    if (parsed.success) done.add(`${parsed.data.start}-${parsed.data.end}`);
  }
  return done;
}

/** One range, with further attempts on cut and stalled connections. */
async function fetchRange(
  session: Session,
  { repo }: HubListing,
  url: string,
  { start, end }: Range,
): Promise<Buffer> {
  const token = await hubToken(session.env);
  const { host } = new URL(url);
  for (let failures = 1; ; failures++) {
    try {
      const headers = { ...login(token), range: `bytes=${start}-${end - 1}` };
      const response = await requestOnce(session, url, { headers });
      if (response.status !== 206) {
        await response.body?.cancel().catch(() => undefined);
        throw new SourceFailure(
          `${host} sends whole files only, not the parts that are asked for; download the checkpoint and name its folder`,
        );
      }
      const bytes = Buffer.from(
        await response.arrayBuffer().catch((error: unknown) => {
          session.signal?.throwIfAborted();
          throw networkFailure(host, error);
        }),
      );
      if (bytes.length === end - start) return bytes;
      throw new HttpFailure(host, `sent ${bytes.length} bytes in place of ${end - start}`, { retry: true });
    } catch (error) {
      if (!(error instanceof HttpFailure)) throw error;
      if (!error.details.retry || failures >= session.http.times.attempts) {
        throw hubFailure(error, repo, token !== undefined);
      }
      await backOff(session, failures, error);
    }
  }
}
