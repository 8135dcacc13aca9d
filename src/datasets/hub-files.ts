import { UserError } from '../errors.js';
import { SourceFailure } from '../models/failure.js';
import { fetchFromHub, type HubFile, type HubListing, listHub } from '../models/hub.js';
import { areIntact, cachedCommit, cachedFiles, repoFolder } from '../models/hubCache.js';
import { hubCache } from '../models/places.js';
import type { Session } from '../models/types.js';
import type { HubSet } from './sets.js';

export interface SplitFiles {
  /** Paths of the split's Parquet files in the cache, in order. */
  paths: string[];
  /** `hf:datasets/owner/repo@commit`. */
  source: string;
}

/**
 * Where a set's Parquet files can be: in the repository itself, or, for one that holds JSON or CSV, in the branch to which the hub
 * converts every public set.
 */
const REVISIONS = ['main', 'refs/convert/parquet'];

/**
 * The Parquet files of a split, downloaded into the Hugging Face cache where they are not there yet. What the cache has is
 * used without asking the hub, so that a set stays the same under a study.
 * @throws UserError, SourceFailure when they are neither in the cache nor to be had.
 */
export async function splitFiles(session: Session, set: HubSet, split: string): Promise<SplitFiles> {
  for (const revision of REVISIONS) {
    const cached = await fromCache(session, set, split, revision);
    if (cached !== undefined) return cached;
  }
  if (session.offline) {
    throw new UserError(
      `${set.repo} (${split}) is not in the cache ${hubCache(session.env)}, and the network is switched off`,
    );
  }
  let seen: HubListing | undefined;
  for (const revision of REVISIONS) {
    const listing = await listHub(session, set.repo, revision, { kind: 'dataset' }).catch((error) => {
      // The repository is there, but not converted.
      if (seen !== undefined && error instanceof SourceFailure) return undefined;
      throw error;
    });
    seen ??= listing;
    const files = listing && ofSplit(listing.files, set, split);
    if (listing === undefined || files === undefined) continue;
    session.notice(`Downloading ${set.repo} (${split}); licence on its card: ${listing.licence ?? 'none'}.`);
    return { paths: await fetchFromHub(session, listing, files), source: sourceOf(set, listing.commit) };
  }
  throw new UserError(
    `${set.repo} has no Parquet files of "${set.config}" / "${split}" any more; download the set and pass it as NAME=FILE`,
  );
}

async function fromCache(
  session: Session,
  set: HubSet,
  split: string,
  revision: string,
): Promise<SplitFiles | undefined> {
  const folder = repoFolder(hubCache(session.env), set.repo, 'dataset');
  const commit = await cachedCommit(folder, revision);
  if (commit === undefined) return undefined;
  const files = ofSplit(await cachedFiles(folder, commit, /\.parquet$/i), set, split);
  if (files === undefined || !(await areIntact(session, files))) return undefined;
  return { paths: files.map(({ location }) => location), source: sourceOf(set, commit) };
}

function sourceOf(set: HubSet, commit: string): string {
  return `hf:datasets/${set.repo}@${commit}`;
}

/** The files of a split in order; undefined unless all of them are there (`-00001-of-00004`). */
export function ofSplit<F extends Pick<HubFile, 'path'>>(
  files: readonly F[],
  { config }: HubSet,
  split: string,
): F[] | undefined {
  const folders = config === 'default' ? ['', 'data/', 'default/'] : [`${config}/`];
  const found = folders
    .flatMap((folder) => files.filter(({ path }) => isOfSplit(path, folder, split)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  const count = Number(/-of-(\d+)/.exec(found[0]?.path ?? '')?.[1] ?? 1);
  return found.length >= count && found.length > 0 ? found : undefined;
}

/** `FOLDER/train-00000-of-00002.parquet` (also with a hash before the ending), or `FOLDER/train/0000.parquet` of the hub's conversion. */
function isOfSplit(path: string, folder: string, split: string): boolean {
  if (!path.startsWith(folder)) return false;
  const rest = path.slice(folder.length);
  if (!rest.startsWith(split)) return false;
  return /^(?:-\d+-of-\d+(?:-[0-9a-f]+)?|\/\d+)?\.parquet$/.test(rest.slice(split.length));
}
