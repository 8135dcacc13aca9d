import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openEngine } from '../engine/index.js';
import { modelSha256, resolveModel } from '../models/index.js';
import type { Services } from '../pipeline/run.js';

/** What the commands take from outside: a test puts something simple in its place. */
export interface Environment extends Services {
  resolveModel: typeof resolveModel;
}

export const realEnvironment: Environment = { openEngine, modelSha256, resolveModel };

/** Version of this package. */
export function packageVersion(): string {
  // dist/src/cli -> the package's own folder.
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** Version of the llama.cpp package for this platform, or what is missing. */
export function libraryPackage(): string {
  const require = createRequire(import.meta.url);
  const system =
    { linux: 'linux', darwin: 'mac', win32: 'win' }[process.platform as string] ?? process.platform;
  const names = [`${system}-${process.arch}`, `${system}-${process.arch}-metal`].map(
    (name) => `@node-llama-cpp/${name}`,
  );
  for (const name of names) {
    try {
      const { version } = require(`${name}/package.json`) as { version: string };
      return `${name} ${version}`;
    } catch {}
  }
  return 'no llama.cpp package for this platform';
}
