import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Alias } from '../../src/models/aliases.js';
import { resolveModel } from '../../src/models/resolve.js';
import type { ResolvedModel, ResolveOptions } from '../../src/models/types.js';
import { noise, sha256, startServer, type TestServer, wheel } from './server.js';

/** Quick failures, but no quicker than the answers of a test server on a busy machine. */
export const TIMES = { connectMs: 2000, answerMs: 1200, stallMs: 1000, backoffMs: 1, attempts: 3 };

export interface World {
  server: TestServer;
  folder: string;
  env: NodeJS.ProcessEnv;
  notices: string[];
  resolve(spec: string, options?: ResolveOptions): Promise<ResolvedModel>;
}

/** A server, empty caches, and an environment that points to them; gone when the test ends. */
export async function world(context: TestContext, env: NodeJS.ProcessEnv = {}): Promise<World> {
  const server = await startServer();
  const folder = await mkdtemp(join(tmpdir(), 'hneurons-models-'));
  context.after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });
  const made: World = {
    server,
    folder,
    env: {
      HOME: join(folder, 'home'),
      HF_HOME: join(folder, 'hf'),
      HNEURONS_CACHE: join(folder, 'own'),
      OLLAMA_MODELS: join(folder, 'ollama'),
      HF_ENDPOINT: server.origin,
      PIP_INDEX_URL: `${server.origin}/simple`,
      ...env,
    },
    notices: [],
    resolve: (spec, options) =>
      resolveModel(spec, {
        env: made.env,
        times: TIMES,
        aliases: [tinyAlias()],
        onNotice: (text) => made.notices.push(text),
        ...options,
      }),
  };
  return made;
}

/** An address where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return `http://127.0.0.1:${port}`;
}

export const COMMIT = 'c'.repeat(40);
export const tinyModel = noise(300_000, 7);

/** Same shape as the default model: two wheels hold the halves of a file that the hub may have, too. */
export function tinyAlias(changes: Partial<Alias> = {}): Alias {
  return {
    name: 'tiny',
    default: true,
    summary: 'A tiny model',
    file: 'tiny-q4.gguf',
    size: tinyModel.length,
    sha256: sha256(tinyModel),
    licence: { name: 'Test licence', url: 'https://example.org/licence', notice: 'Under the test licence' },
    hub: { repo: 'owner/tiny-GGUF', revision: 'main' },
    wheels: {
      version: '1.0.0',
      parts: [1, 2].map((n) => ({
        project: `tiny-part${n}`,
        member: `tiny_part${n}/data/tiny.part0${n - 1}`,
      })),
    },
    ...changes,
  };
}

/** Puts the two wheels of `tinyAlias` into the index; `content` may differ from the pinned model. */
export function serveWheels(server: TestServer, content: Uint8Array = tinyModel): void {
  const half = 160_000;
  for (const n of [1, 2]) {
    const part = n === 1 ? content.subarray(0, half) : content.subarray(half);
    const filename = `tiny_part${n}-1.0.0-py3-none-any.whl`;
    const old = { filename: `tiny_part${n}-0.9.0-py3-none-any.whl`, bytes: noise(100, 3) };
    const bytes = wheel({ [`tiny_part${n}/data/tiny.part0${n - 1}`]: part });
    server.wheels[`tiny-part${n}`] = [old, { filename, bytes }];
  }
}
