import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../errors.js';
import { ALIASES, type Alias } from './aliases.js';
import { explain } from './failure.js';
import { resolveOllama } from './ollama.js';
import { resolveAlias } from './resolveAlias.js';
import { resolveHub } from './resolveHub.js';
import { withSession } from './session.js';
import type { ResolvedModel, ResolveOptions, Session } from './types.js';

/**
 * Finds the GGUF that `spec` names and downloads it where that is needed:
 * - a path;
 * - `hf:owner/repo[@revision][:file-or-quant]`: the Hugging Face cache, else the hub. What the cache has is used without
 *   asking the hub whether it has changed, so that a model stays the same under a study;
 * - `ollama:name[:tag]`: Ollama's local store;
 * - an alias (see aliases.ts). A file of the same name wins only when written with a separator or `.gguf`.
 *
 * A file is at the returned path only after its hash proved right; half-finished downloads are resumed.
 * @throws UserError one line: what was wrong with the spec, or what was tried and failed.
 * @throws the signal's reason when aborted.
 */
export async function resolveModel(spec: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  return withSession(
    options,
    (session) => dispatch(session, spec, options.aliases ?? ALIASES),
    (error) => explain(error, spec),
  );
}

async function dispatch(session: Session, spec: string, aliases: readonly Alias[]): Promise<ResolvedModel> {
  if (spec.startsWith('hf:')) return resolveHub(session, spec.slice('hf:'.length));
  if (spec.startsWith('ollama:')) {
    return resolveOllama(session.env, spec.slice('ollama:'.length), (text) => session.notice(text));
  }
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
      `no model "${spec}": give an alias (${known}), a path to a GGUF, hf:owner/repo[@revision][:FILE-or-QUANT], or ollama:NAME[:TAG]`,
      { exitCode: 2 },
    );
  }
  if (!info.isFile()) throw new UserError(`${spec} is a folder; give the path of a GGUF file`);
  return { path: spec, name: basename(spec).replace(/\.gguf$/i, ''), source: `file:${spec}` };
}
