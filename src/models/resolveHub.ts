import { basename } from 'node:path';
import { UserError } from '../errors.js';
import { SourceFailure } from './failure.js';
import { fetchFromHub, type HubListing, listHub } from './hub.js';
import { cachedCommit, cachedGgufs, repoFolder } from './hubCache.js';
import { hubCache } from './places.js';
import { selectModel } from './select.js';
import type { ResolvedModel, Session } from './types.js';

/** `owner/repo[:file-or-quant]` to a file in the Hugging Face cache, downloaded where it is not there yet. */
export async function resolveHub(session: Session, spec: string): Promise<ResolvedModel> {
  const match = /^([\w.-]+\/[\w.-]+)(?::(.+))?$/.exec(spec);
  const [, repo, selector] = match ?? [];
  if (repo === undefined || /(^|\/)\.\.?($|\/)/.test(repo)) {
    throw new UserError(`"hf:${spec}" is no repository; write hf:owner/repo or hf:owner/repo:FILE-or-QUANT`, {
      exitCode: 2,
    });
  }
  if (selector !== undefined || session.offline) {
    const cached = await fromHubCache(session, repo, selector, session.offline);
    if (cached !== undefined) return cached;
  }
  if (session.offline) {
    throw new UserError(
      `hf:${spec} is not in the cache ${hubCache(session.env)}, and the network is switched off`,
    );
  }
  let listing: HubListing;
  try {
    listing = await listHub(session, repo, 'main');
  } catch (error) {
    // Without a selector only the hub knows whether the cached file is the only one, but it will do.
    if (!(error instanceof SourceFailure)) throw error;
    const cached = await fromHubCache(session, repo, selector, false).catch(() => undefined);
    if (cached !== undefined) {
      session.notice(`${error.message}; using the copy in the cache.`);
      return cached;
    }
    throw new UserError(
      `hf:${spec}: ${error.message}; it is not in the cache either. Download the GGUF elsewhere and pass its path`,
      { cause: error },
    );
  }
  const chosen = selectModel(listing.files, selector, repo);
  const folder = repoFolder(hubCache(session.env), repo);
  const cachedFiles = new Set((await cachedGgufs(folder, listing.commit)).map(({ path }) => path));
  if (!chosen.files.every(({ path }) => cachedFiles.has(path))) {
    session.notice(
      `Downloading hf:${repo}:${chosen.name}; licence on its card: ${listing.licence ?? 'none'}.`,
    );
  }
  const [path] = await fetchFromHub(session, listing, chosen.files);
  return hubResult(
    repo,
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
  repo: string,
  selector: string | undefined,
  explainChoice: boolean,
): Promise<ResolvedModel | undefined> {
  const folder = repoFolder(hubCache(session.env), repo);
  const commit = await cachedCommit(folder, 'main');
  if (commit === undefined) return undefined;
  const files = await cachedGgufs(folder, commit);
  if (files.length === 0) return undefined;
  try {
    const chosen = selectModel(files, selector, repo);
    return hubResult(repo, commit, chosen.name, chosen.files[0]!.location, sha256Of(chosen.files));
  } catch (error) {
    if (explainChoice) throw error;
    return undefined;
  }
}

/** A split model has no single hash. */
function sha256Of(files: readonly { sha256?: string }[]): string | undefined {
  return files.length === 1 ? files[0]!.sha256 : undefined;
}

function hubResult(repo: string, commit: string, file: string, path: string, sha256?: string): ResolvedModel {
  const name = basename(file).replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '');
  return { path, name, source: `hf:${repo}@${commit}/${file}`, sha256 };
}
