import { UserError } from '../errors.js';
import { isSafePath } from './hubPath.js';

/** What `hf:owner/repo[@revision][:file-or-quant]` names. */
export interface HubSpec {
  repo: string;
  /** A branch, tag or commit. */
  revision: string;
  selector?: string;
}

const SPEC = /^([\w.-]+\/[\w.-]+)(?:@([\w.+-]+(?:\/[\w.+-]+)*))?(?::(.+))?$/;

/**
 * Takes a name on the hub apart; `main` where it names no revision.
 * @param spec what stands behind `hf:`
 * @throws UserError when it is no such name.
 */
export function parseHubSpec(spec: string): HubSpec {
  const [, repo, revision = 'main', selector] = SPEC.exec(spec) ?? [];
  // Both become parts of paths in the cache.
  // "--" stands for the slash there: a/b--c must not share a folder with a--b/c.
  if (repo === undefined || repo.includes('--') || !isSafePath(repo) || !isSafePath(revision)) {
    throw new UserError(
      `"hf:${spec}" is no repository; write hf:owner/repo, hf:owner/repo@revision, or either with :FILE-or-QUANT behind it`,
      { exitCode: 2 },
    );
  }
  return { repo, revision, selector };
}

/** `owner/repo`, with the revision where it is not `main`. */
export function hubName({ repo, revision }: Pick<HubSpec, 'repo' | 'revision'>): string {
  return revision === 'main' ? repo : `${repo}@${revision}`;
}
