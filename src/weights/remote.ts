import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { fileSize } from '../models/disk.js';
import { explain, SourceFailure } from '../models/failure.js';
import { fetchFromHub, type HubFile, type HubListing, listHub } from '../models/hub.js';
import { cachedCommit, writeRef } from '../models/hubCache.js';
import { type HubSpec, hubName } from '../models/hubSpec.js';
import { withLock } from '../models/lock.js';
import { ownCache } from '../models/places.js';
import { withSession } from '../models/session.js';
import type { ResolveOptions, Session } from '../models/types.js';
import { INDEX, readJson, SINGLE, shardsInIndex } from './checkpoint-files.js';
import { fetchShard } from './remote-shard.js';

const WANTED = /^(.*\.safetensors|config\.json|tokenizer\.json|model\.safetensors\.index\.json)$/;
/** Written into the folder of a commit once all is there: the shards, which then need no network. */
const WHOLE = 'whole.json';
const WholeSchema = z.array(z.object({ path: z.string(), size: z.int() }));

/**
 * The FFN matrices of a checkpoint on the hub, and nothing else of it: headers and matrices are fetched by Range requests
 * into sparse files of the same layout, which the reader of local checkpoints then opens. A download that was cut off goes on.
 * @param named the repository, and the revision of it: a branch, tag or commit
 * @returns the folder, one for each commit
 * @throws UserError, one line, when the hub cannot be reached, has no such checkpoint, or gives no ranges.
 */
export async function fetchFfn(
  named: Pick<HubSpec, 'repo' | 'revision'>,
  options: ResolveOptions = {},
): Promise<string> {
  return withSession(
    options,
    (session) => fetchAll(session, named),
    (error) => explain(error, `hf:${hubName(named)}`),
  );
}

async function fetchAll(session: Session, named: Pick<HubSpec, 'repo' | 'revision'>): Promise<string> {
  const { repo, revision } = named;
  const name = `hf:${hubName(named)}`;
  const cache = join(ownCache(session.env), 'ffn', repo.replaceAll('/', '--'));
  if (session.offline) {
    const known = await cachedCommit(cache, revision);
    if (known !== undefined && (await isWhole(join(cache, known)))) return join(cache, known);
    throw new UserError(
      `the weights of ${name} are not in the cache ${cache}, and the network is switched off`,
    );
  }
  const listing = await listHub(session, repo, revision, { wanted: WANTED });
  const has = (wanted: string) => listing.files.some(({ path }) => path === wanted);
  if (!has(SINGLE) && !has(INDEX)) {
    throw new SourceFailure(
      `the repository has neither ${SINGLE} nor ${INDEX}; take a GGUF of the model, or another repository`,
    );
  }
  const folder = join(cache, listing.commit);
  const small = listing.files.filter(({ path }) => path.endsWith('.json'));
  const paths = await fetchFromHub(session, listing, small);
  await mkdir(folder, { recursive: true });
  for (const [i, { path }] of small.entries()) await writeFile(join(folder, path), await readFile(paths[i]));
  const shards = await shardsOf(listing, folder, name);

  const onWait = () => session.notice(`Another process is fetching ${name}; waiting for it.`);
  await withLock(join(folder, 'fetch.lock'), { signal: session.signal, onWait }, async () => {
    if (await isWhole(folder)) return;
    await rm(join(folder, WHOLE), { force: true });
    session.notice(
      `Fetching the FFN weights of ${name} alone; licence on its card: ${listing.licence ?? 'none'}.`,
    );
    for (const shard of shards) await fetchShard(session, listing, shard, join(folder, shard.path));
    const whole: z.infer<typeof WholeSchema> = shards.map(({ path, size }) => ({ path, size }));
    await writeFileAtomic(join(folder, WHOLE), `${JSON.stringify(whole)}\n`);
  });
  await writeRef(cache, revision, listing.commit);
  return folder;
}

/** The single file, or the shards that the index names; other safetensors of the repository are not the model. */
async function shardsOf({ files }: HubListing, folder: string, name: string): Promise<HubFile[]> {
  const single = files.filter(({ path }) => path === SINGLE);
  if (single.length > 0) return single;
  const index = shardsInIndex(await readJson(join(folder, INDEX)), `the ${INDEX} of ${name}`);
  const named = [...new Set(Object.values(index))].sort();
  const found = named.flatMap((shard) => files.find(({ path }) => path === shard) ?? []);
  const missing = named.filter((shard) => !found.some(({ path }) => path === shard));
  if (missing.length > 0) {
    throw new SourceFailure(
      `the repository lacks ${missing.length} of the ${named.length} shards that its index names (${missing[0]}); take another revision or repository`,
    );
  }
  return found;
}

/** Whether every shard that a folder was said to be complete with is still there. */
async function isWhole(folder: string): Promise<boolean> {
  const path = join(folder, WHOLE);
  if (!existsSync(path)) return false;
  const shards = WholeSchema.safeParse(await readJson(path).catch(() => undefined));
  if (!shards.success) return false;
  for (const shard of shards.data) {
    if ((await fileSize(join(folder, shard.path))) !== shard.size) return false;
  }
  return true;
}
