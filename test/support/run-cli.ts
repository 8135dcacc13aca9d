import { basename } from 'node:path';
import type { Environment } from '../../src/cli/environment.js';
import { main } from '../../src/cli/main.js';
import { modelSha256 } from '../../src/models/index.js';
import { fakeEngine } from './fake-engine.js';

/** The command line over the fake engine, in this process. `--model` is the path of a tiny GGUF. */
const environment: Environment = {
  openEngine: async ({ signal }) => fakeEngine({ signal }),
  modelSha256,
  resolveModel: async (spec) => ({ path: spec, name: basename(spec, '.gguf'), source: spec }),
};

export async function runCli(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      said[name] += text;
    },
  });
  const status = await main(args, environment, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { status, ...said };
}
