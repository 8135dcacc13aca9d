import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Folders and addresses that environment variables decide. Empty variables count as unset. */

type Env = NodeJS.ProcessEnv;

function home(env: Env): string {
  return env.HOME || env.USERPROFILE || homedir();
}

/** `~` and `~/x` mean the home folder, as in the Python client's settings. */
function expand(env: Env, path: string): string {
  return resolve(path === '~' || path.startsWith('~/') ? join(home(env), path.slice(1)) : path);
}

/** Our own cache: HNEURONS_CACHE, or `hneurons` in the platform's cache folder. */
export function ownCache(env: Env, platform: NodeJS.Platform = process.platform): string {
  if (env.HNEURONS_CACHE) return expand(env, env.HNEURONS_CACHE);
  if (env.XDG_CACHE_HOME) return join(expand(env, env.XDG_CACHE_HOME), 'hneurons');
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA || join(home(env), 'AppData', 'Local'), 'hneurons');
  }
  if (platform === 'darwin') return join(home(env), 'Library', 'Caches', 'hneurons');
  return join(home(env), '.cache', 'hneurons');
}

function hubHome(env: Env): string {
  if (env.HF_HOME) return expand(env, env.HF_HOME);
  return join(expand(env, env.XDG_CACHE_HOME || join(home(env), '.cache')), 'huggingface');
}

/** The Hugging Face cache, found as the Python client finds it. */
export function hubCache(env: Env): string {
  const named = env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE;
  return named ? expand(env, named) : join(hubHome(env), 'hub');
}

/** The hub's address: HF_ENDPOINT, for mirrors. */
export function hubEndpoint(env: Env): string {
  return (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
}

/** HF_TOKEN, or the token that `hf auth login` saved. */
export async function hubToken(env: Env): Promise<string | undefined> {
  const named = env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN;
  if (named) return named.trim();
  const file = env.HF_TOKEN_PATH ? expand(env, env.HF_TOKEN_PATH) : join(hubHome(env), 'token');
  const saved = await readFile(file, 'utf8').catch(() => '');
  return saved.trim() || undefined;
}

/** HF_HUB_OFFLINE as the Python client reads it. */
export function hubOffline(env: Env): boolean {
  return /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? '');
}

/**
 * Ollama's model folders: OLLAMA_MODELS, else the user's and the one of the Linux system service.
 */
export function ollamaFolders(env: Env, platform: NodeJS.Platform = process.platform): string[] {
  if (env.OLLAMA_MODELS) return [expand(env, env.OLLAMA_MODELS)];
  const own = join(home(env), '.ollama', 'models');
  return platform === 'linux' ? [own, '/usr/share/ollama/.ollama/models'] : [own];
}

export interface PackageIndex {
  /** Base of the Simple API (PEP 503, PEP 691), ending in a slash. */
  simple: string;
  /** Base of PyPI's JSON API, ending in a slash. */
  json: string;
}

/** The Python package index: HNEURONS_PYPI or pip's PIP_INDEX_URL, both the address of the Simple API. */
export function packageIndex(env: Env): PackageIndex {
  const named = env.HNEURONS_PYPI || env.PIP_INDEX_URL || 'https://pypi.org/simple';
  const simple = `${named.replace(/\/+$/, '')}/`;
  return { simple, json: new URL('../pypi/', simple).href };
}
