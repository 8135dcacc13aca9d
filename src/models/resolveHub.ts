import { basename } from 'node:path';
import { UserError } from '../errors.js';
import { SourceFailure } from './failure.js';
import { fetchFromHub, type HubListing, listHub } from './hub.js';
import { areIntact, cachedCommit, cachedGgufs, repoFolder } from './hubCache.js';
import { type HubSpec, hubName, parseHubSpec } from './hubSpec.js';
import { hubCache } from './places.js';
import { selectModel } from './select.js';
import type { ResolvedModel, Session } from './types.js';

/** `owner/repo[@revision][:file-or-quant]` to a file in the Hugging Face cache, downloaded where it is not there yet. */
export async function resolveHub(session: Session, spec: string): Promise<ResolvedModel> {
  const named = parseHubSpec(spec);
  const { repo, revision, selector } = named;
  if (selector !== undefined || session.offline) {
    const cached = await fromHubCache(session, named, session.offline);
    if (cached !== undefined) return cached;
  }
  if (session.offline) {
    throw new UserError(
      `hf:${spec} is not in the cache ${hubCache(session.env)}, and the network is switched off`,
    );
  }
  let listing: HubListing;
  try {
    listing = await listHub(session, repo, revision);
  } catch (error) {
    // Without a selector only the hub knows whether the cached file is the only one, but it will do.
    if (!(error instanceof SourceFailure)) throw error;
    const cached = await fromHubCache(session, named, false).catch(() => undefined);
    if (cached !== undefined) {
      session.notice(`${error.message}; using the copy in the cache.`);
      return cached;
    }
    throw new UserError(
      `hf:${spec}: ${error.message}; it is not in the cache either. Download the GGUF elsewhere and pass its path`,
      { cause: error },
    );
  }
  const chosen = selectModel(listing.files, selector, hubName(named));
  const folder = repoFolder(hubCache(session.env), repo);
  const cachedFiles = new Set((await cachedGgufs(folder, listing.commit)).map(({ path }) => path));
  if (!chosen.files.every(({ path }) => cachedFiles.has(path))) {
    session.notice(
      `Downloading hf:${hubName(named)}:${chosen.name}; licence on its card: ${listing.licence ?? 'none'}.`,
    );
  }
  const [path] = await fetchFromHub(session, listing, chosen.files);
  return hubResult(
    named,
    listing.commit,
    chosen.name,
    path!,
    sha256Of(
      chosen.files.map(({ digest }) => ({ sha256: digest.algorithm === 'sha256' ? digest.hex : undefined })),
    ),
  );
}

async function fromHubCache(
  session: Session,
  named: HubSpec,
  explainChoice: boolean,
): Promise<ResolvedModel | undefined> {
  const folder = repoFolder(hubCache(session.env), named.repo);
  const commit = await cachedCommit(folder, named.revision);
  if (commit === undefined) return undefined;
  const files = await cachedGgufs(folder, commit);
  if (files.length === 0) return undefined;
  try {
    const chosen = selectModel(files, named.selector, hubName(named));
    if (!(await areIntact(session, chosen.files))) return undefined;
    return hubResult(named, commit, chosen.name, chosen.files[0]!.location, sha256Of(chosen.files));
  } catch (error) {
    if (explainChoice) throw error;
    return undefined;
  }
}

/** A split model has no single hash. */
function sha256Of(files: readonly { sha256?: string }[]): string | undefined {
  return files.length === 1 ? files[0]!.sha256 : undefined;
}

function hubResult(
  { repo, revision }: HubSpec,
  commit: string,
  file: string,
  path: string,
  sha256?: string,
): ResolvedModel {
  const stem = basename(file).replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
  // Revisions are states of one training: their files have the same names.
  const name = revision === 'main' ? stem : `${stem}@${revision}`;
  return { path, name, source: `hf:${repo}@${commit}/${file}`, sha256 };
}
