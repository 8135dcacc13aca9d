import { readFileSync } from 'node:fs';
import { openEngine } from '../engine/index.js';
import type { modelSha256, resolveModel } from '../models/index.js';
import type { Services } from '../pipeline/run.js';

/** What the commands take from outside: a test puts something simple in its place. */
export interface Environment extends Services {
  resolveModel: typeof resolveModel;
}

/** Downloading and hashing are loaded when they are needed: `--help` shall be there at once. */
export const realEnvironment: Environment = {
  openEngine: (options) =>
    openEngine({ onNotice: (text) => process.stderr.write(`note: ${text}\n`), ...options }),
  modelSha256: async (...args: Parameters<typeof modelSha256>) =>
    (await import('../models/index.js')).modelSha256(...args),
  resolveModel: async (...args: Parameters<typeof resolveModel>) =>
    (await import('../models/index.js')).resolveModel(...args),
};

/** Version of this package. */
export function packageVersion(): string {
  // dist/src/cli -> the package's own folder.
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
