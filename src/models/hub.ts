import { rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ensureSpace, fileSize } from './disk.js';
import { type Digest, download } from './download.js';
import { SourceFailure } from './failure.js';
import { HttpFailure, requestText } from './http.js';
import { placeSnapshot, type RepoKind, repoFolder, writeRef } from './hubCache.js';
import { isSafePath } from './hubPath.js';
import { hubName } from './hubSpec.js';
import { withLock } from './lock.js';
import { hubCache, hubEndpoint, hubToken } from './places.js';
import { type Meter, meter } from './progress.js';
import type { Session } from './types.js';
import { hasDigest, rememberDigest } from './verify.js';

export interface HubFile {
  path: string;
  size: number;
  /** For files in LFS or Xet storage, that is all large ones, their SHA-256. */
  digest: Digest;
}

export interface HubListing {
  kind: RepoKind;
  repo: string;
  revision: string;
  commit: string;
  /** The licence that the model card states. */
  licence?: string;
  /** Its GGUFs, or the Parquet files of a data set; or whatever else was asked for. */
  files: HubFile[];
}

/** Bound on a listing, which comes page by page. */
const MAX_ENTRIES = 200_000;
const GIT_OID = /^[0-9a-f]{40}$/;

const WANTED: Record<RepoKind, RegExp> = { model: /\.gguf$/i, dataset: /\.parquet$/i };

const InfoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  tags: z.array(z.string()).default([]),
});
const EntrySchema = z.object({
  type: z.string(),
  path: z.string(),
  size: z.int().min(0),
  oid: z.string().optional(),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }).optional(),
});

/**
 * Asks the hub for the commit and the files of a revision. `attempts` 1 gives up at the first failure, for
 * callers with a fallback.
 * @throws SourceFailure when the hub cannot be reached, or has no such repository, or does not show it.
 */
export async function listHub(
  session: Session,
  repo: string,
  revision: string,
  {
    kind = 'model',
    attempts,
    wanted = WANTED[kind],
  }: { kind?: RepoKind; attempts?: number; wanted?: RegExp } = {},
): Promise<HubListing> {
  const { datasetInfo, listFiles, modelInfo } = await import('@huggingface/hub');
  const hubUrl = hubEndpoint(session.env);
  const token = await hubToken(session.env);
  const hubFetch = async (address: string | URL | Request): Promise<Response> => {
    // The hub names the address of the next page: the token is for the hub alone.
    const own = new URL(String(address)).origin === new URL(hubUrl).origin;
    const headers = { accept: 'application/json', ...login(own ? token : undefined) };
    const answer = await requestText(session, String(address), headers, attempts);
    return new Response(answer.text, { headers: [...answer.headers] });
  };
  const options = { hubUrl, fetch: hubFetch };
  try {
    const asked = { ...options, name: repo, revision, additionalFields: ['sha' as const, 'tags' as const] };
    const info = InfoSchema.parse(await (kind === 'model' ? modelInfo(asked) : datasetInfo(asked)));
    const files: HubFile[] = [];
    const listed = { repo: { type: kind, name: repo }, revision: info.sha, recursive: true };
    let entries = 0;
    for await (const raw of listFiles({ ...options, ...listed })) {
      if (++entries > MAX_ENTRIES) {
        throw new SourceFailure(`the repository has more than ${MAX_ENTRIES} files; download what you need`);
      }
      const entry = EntrySchema.parse(raw);
      if (entry.type === 'file' && wanted.test(entry.path)) files.push(hubFile(entry));
    }
    const licence = info.tags.find((tag) => tag.startsWith('license:'))?.slice('license:'.length);
    return { kind, repo, revision, commit: info.sha, licence, files };
  } catch (error) {
    throw hubFailure(error, hubName({ repo, revision }), token !== undefined);
  }
}

/** The header that shows a token to the hub. */
export function login(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

function hubFile(entry: z.infer<typeof EntrySchema>): HubFile {
  if (!isSafePath(entry.path)) {
    throw new SourceFailure(`the repository has a file with an unsafe name: ${JSON.stringify(entry.path)}`);
  }
  // The digest names the blob in the cache.
  if (!entry.lfs && !GIT_OID.test(entry.oid ?? '')) {
    throw new SourceFailure(`the hub states no valid object id of ${entry.path}`);
  }
  const digest: Digest = entry.lfs
    ? { algorithm: 'sha256', hex: entry.lfs.oid }
    : { algorithm: 'git-sha1', hex: entry.oid! };
  return { path: entry.path, size: entry.lfs?.size ?? entry.size, digest };
}

/**
 * A failure of the hub in words that say what to do.
 * @param repo `owner/repo` or `owner/repo@revision`
 */
export function hubFailure(error: unknown, repo: string, loggedIn: boolean): unknown {
  // Not JSON, or JSON of another shape (which the client library trips over).
  if (error instanceof z.ZodError || error instanceof SyntaxError || error instanceof TypeError) {
    return new SourceFailure(`the hub's answer about ${repo} is not understood; is HF_ENDPOINT a hub?`);
  }
  if (!(error instanceof HttpFailure)) return error;
  const { status } = error.details;
  // The hub answers 401 for repositories that do not exist, too, when nobody is logged in.
  if (status === 404 || (status === 401 && !loggedIn)) {
    const names = repo.includes('@') ? 'the name and the revision' : 'the name';
    return new SourceFailure(
      `${error.host} has no public repository ${repo}; check ${names}, or set HF_TOKEN if it is private or gated`,
    );
  }
  if (status === 401) return new SourceFailure(`${error.host} does not accept the token in HF_TOKEN`);
  if (status === 403) {
    return new SourceFailure(
      `${error.host} denies access to ${repo}: accept its terms on its page there and set HF_TOKEN`,
    );
  }
  return error;
}

/**
 * Downloads the files of a listing into the Hugging Face cache, those it does not have yet, and returns their
 * snapshot paths in order. A file of the cache is used only if its digest is right.
 */
export async function fetchFromHub(
  session: Session,
  listing: HubListing,
  files: readonly HubFile[],
): Promise<string[]> {
  const folder = repoFolder(hubCache(session.env), listing.repo, listing.kind);
  const blobs = files.map((file) => join(folder, 'blobs', file.digest.hex));
  const missing: number[] = [];
  for (const [i, file] of files.entries()) {
    // Without symlinks (Windows) the snapshot holds the file itself and there is no blob.
    const pointer = join(folder, 'snapshots', listing.commit, file.path);
    if (await isFile(session, blobs[i]!, file)) continue;
    if (!(await isFile(session, pointer, file))) missing.push(i);
    // Gone with a blob of the wrong content: it must not be taken for this file.
    else await rm(blobs[i]!, { force: true });
  }
  const total = missing.reduce((sum, i) => sum + files[i]!.size, 0);
  const progress = meter(session, { stage: 'download', what: files[0]?.path ?? listing.repo, total });
  if (missing.length > 0) await ensureSpace(folder, await stillToFetch(blobs, files, missing), listing.repo);

  const paths: string[] = [];
  for (const [i, file] of files.entries()) {
    if (missing.includes(i)) await fetchBlob(session, listing, file, blobs[i]!, progress);
    paths.push(await placeSnapshot(folder, listing.commit, file.path, blobs[i]!));
  }
  await writeRef(folder, listing.revision, listing.commit);
  return paths;
}

/** Where the hub gives a file of a listing, at the commit of the listing. */
export function fileUrl(session: Session, { kind, repo, commit }: HubListing, path: string): string {
  const route = path.split('/').map(encodeURIComponent).join('/');
  const place = kind === 'dataset' ? `datasets/${repo}` : repo;
  return `${hubEndpoint(session.env)}/${place}/resolve/${commit}/${route}`;
}

/** True if a path holds the file of a listing, by size and digest. */
async function isFile(session: Session, path: string, { size, digest }: HubFile): Promise<boolean> {
  return (await fileSize(path)) === size && (await hasDigest(session, path, digest, size));
}

async function fetchBlob(
  session: Session,
  listing: HubListing,
  file: HubFile,
  blob: string,
  progress: Meter,
): Promise<void> {
  const token = await hubToken(session.env);
  const url = fileUrl(session, listing, file.path);
  // The Python client keeps its own locks in the same folder.
  const locks = repoFolder(join(hubCache(session.env), '.locks'), listing.repo, listing.kind);
  const lock = join(locks, `${file.digest.hex}.hneurons`);
  const onWait = () => session.notice(`Another process is downloading ${file.path}; waiting for it.`);
  await withLock(lock, { signal: session.signal, onWait }, async () => {
    if (await isFile(session, blob, file)) return;
    const partial = await adoptPartial(blob);
    await download(session, {
      url,
      headers: login(token),
      partial,
      digest: file.digest,
      size: file.size,
      onBytes: (bytes) => progress.add(bytes),
    }).catch((error: unknown) => {
      throw hubFailure(error, listing.repo, token !== undefined);
    });
    await rename(partial, blob);
    await rememberDigest(session, blob, file.digest);
  });
}

async function stillToFetch(blobs: string[], files: readonly HubFile[], missing: number[]): Promise<number> {
  let bytes = 0;
  for (const i of missing) {
    const have = (await fileSize(partialOf(blobs[i]!))) ?? (await fileSize(`${blobs[i]}.incomplete`)) ?? 0;
    bytes += Math.max(0, files[i]!.size - have);
  }
  return bytes;
}

/** A name of our own: the Python client does not know our lock, and must not write to the same file. */
function partialOf(blob: string): string {
  return `${blob}.hneurons.incomplete`;
}

/** Takes over what the Python client left half-done, when nothing has written to it for a minute. */
async function adoptPartial(blob: string): Promise<string> {
  const ours = partialOf(blob);
  const theirs = `${blob}.incomplete`;
  const info = await stat(theirs).catch(() => undefined);
  const idle = info !== undefined && Date.now() - info.mtimeMs > 60_000;
  if (idle && info.size > ((await fileSize(ours)) ?? 0)) await rename(theirs, ours);
  return ours;
}
