import { join } from 'node:path';
import { after } from 'node:test';
import OpenAI from 'openai';
import { type EngineOptions, openEngine } from '../../src/engine/index.js';
import type { Detector } from '../../src/pipeline/detector.js';
import { DEFAULT_SETTINGS, type RunningServer, startServer } from '../../src/server/serve.js';
import type { ServedDetector, ServerSettings } from '../../src/server/types.js';
import type { Upstream } from '../../src/server/upstream.js';
import { riskDetector } from '../risk/support.js';
import { type TinyOptions, writeTinyModel } from '../support/tiny-models.js';

export interface TestServer extends RunningServer {
  client: OpenAI;
  detector: Detector;
  modelPath: string;
  /** What the operator was told. */
  said: string[];
}

export interface TestOptions {
  tiny?: Partial<TinyOptions>;
  settings?: Partial<ServerSettings>;
  detector?: Partial<Detector> | null;
  host?: string;
}

/** A template in the manner of ChatML, for tiny models. */
export const TEMPLATE =
  "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

let count = 0;

/** A server over a tiny random model with a hand-made detector; closed after the test file. */
export async function startTiny(folder: string, options: TestOptions = {}): Promise<TestServer> {
  const path = join(folder, `served-${count++}.gguf`);
  const { config } = await writeTinyModel(path, { architecture: 'llama', ...options.tiny });
  const { architecture, layers, ffn, hidden, vocab } = config;
  const detector = riskDetector({
    model: { name: 'tiny', sha256: 'fa4e', architecture, layers, ffn },
    ...options.detector,
  });
  const served = options.detector === null ? undefined : { detector, path: join(folder, 'detector.json') };
  return startOver(
    path,
    { name: 'tiny', sha256: 'fa4e', architecture, quantisation: 'F32', layers, ffn, hidden, vocab },
    served,
    options,
  );
}

/** A server over any model. */
export async function startOver(
  modelPath: string,
  model: Parameters<typeof startServer>[0]['model'],
  served: ServedDetector | undefined,
  { settings, host = '127.0.0.1' }: TestOptions = {},
  engine: Partial<EngineOptions> = {},
  upstream?: Upstream,
  commands?: Parameters<typeof startServer>[0]['commands'],
): Promise<TestServer> {
  const said: string[] = [];
  const server = await startServer({
    open: () => openEngine({ modelPath, device: 'cpu', threads: 1, ...engine }),
    model,
    served,
    upstream,
    commands,
    settings: { ...DEFAULT_SETTINGS, contextTokens: 512, ...settings },
    host,
    port: 0,
    version: 'test',
    say: (message) => said.push(message),
  });
  let closed = false;
  const close = async (drainMs: number) => {
    closed = true;
    await server.close(drainMs);
  };
  after(async () => {
    if (!closed) await server.close(0);
  });
  const client = new OpenAI({
    baseURL: `${server.url}/v1`,
    apiKey: settings?.apiKey ?? 'none',
    maxRetries: 0,
  });
  return { ...server, close, client, detector: served?.detector ?? riskDetector(), modelPath, said };
}

/** A POST with a body as it is. */
export function post(server: TestServer, path: string, body: unknown, headers: Record<string, string> = {}) {
  return fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** One value of the server's metrics. */
export async function metric(server: TestServer, name: string): Promise<number> {
  const text = await server.context.metrics.registry.metrics();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1));
}

/** Waits until `test` holds; generous, as a machine may be busy. */
export async function eventually(test: () => boolean | Promise<boolean>, ms = 60_000): Promise<boolean> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    if (await test()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return test();
}
