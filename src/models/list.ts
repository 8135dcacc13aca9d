import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ALIASES, type Alias } from './aliases.js';
import { fileSize } from './disk.js';
import { cachedCommit, cachedCommits, cachedGgufs, repoOfFolder } from './hubCache.js';
import { listOllama } from './ollama.js';
import { hubCache, ownCache } from './places.js';
import { cachedAlias } from './resolveAlias.js';
import { candidates } from './select.js';

export interface ListedModel {
  /** What to pass as `--model`. */
  spec: string;
  kind: 'alias' | 'huggingface' | 'ollama' | 'file';
  /** Bytes, all shards together. */
  size: number;
  /** Path of the GGUF; missing for an alias that has not been downloaded. */
  path?: string;
  /** Aliases only: what the model is, its licence, and whether it is the default. */
  summary?: string;
  licence?: { name: string; url: string };
  default?: boolean;
}

/**
 * The aliases, then every GGUF in the Hugging Face cache, in Ollama's store and in our own cache that no alias
 * stands for. Reads folders only; unreadable places count as empty.
 */
export async function listModels(
  options: { env?: NodeJS.ProcessEnv; aliases?: readonly Alias[] } = {},
): Promise<ListedModel[]> {
  const env = options.env ?? process.env;
  const aliases: ListedModel[] = [];
  for (const alias of options.aliases ?? ALIASES) {
    const cached = await cachedAlias(env, alias);
    aliases.push({
      spec: alias.name,
      kind: 'alias',
      size: alias.size,
      path: cached?.path,
      summary: alias.summary,
      licence: { name: alias.licence.name, url: alias.licence.url },
      default: alias.default,
    });
  }
  const ollama = (await listOllama(env)).map(
    ({ name, path, size }): ListedModel => ({ spec: `ollama:${name}`, kind: 'ollama', size, path }),
  );
  const known = new Set(aliases.map(({ path }) => path));
  const others = [...(await listHubCache(env)), ...ollama, ...(await listOwn(env))];
  return [...aliases, ...others.filter(({ path }) => !known.has(path))];
}

/** Models of the commit that `main` points to can be named; those of older commits go by their path. */
async function listHubCache(env: NodeJS.ProcessEnv): Promise<ListedModel[]> {
  const cache = hubCache(env);
  const found: ListedModel[] = [];
  for (const entry of (await readdir(cache).catch(() => [] as string[])).sort()) {
    const repo = repoOfFolder(entry);
    if (repo === undefined) continue;
    const folder = join(cache, entry);
    const main = await cachedCommit(folder, 'main');
    for (const commit of await cachedCommits(folder)) {
      for (const { name, files } of candidates(await cachedGgufs(folder, commit))) {
        const path = files[0]!.location;
        const size = files.reduce((sum, file) => sum + file.size, 0);
        found.push({ spec: commit === main ? `hf:${repo}:${name}` : path, kind: 'huggingface', size, path });
      }
    }
  }
  return found;
}

async function listOwn(env: NodeJS.ProcessEnv): Promise<ListedModel[]> {
  const root = join(ownCache(env), 'models');
  const found: ListedModel[] = [];
  for (const entry of await readdir(root, { recursive: true }).catch(() => [] as string[])) {
    const path = join(root, entry);
    const size = /\.gguf$/i.test(entry) ? await fileSize(path) : undefined;
    if (size !== undefined) found.push({ spec: path, kind: 'file', size, path });
  }
  return found;
}
