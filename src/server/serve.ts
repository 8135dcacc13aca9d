import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { getRequestListener } from '@hono/node-server';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { askedModel, detectorNeurons } from '../pipeline/detector.js';
import { baseNotice } from '../pipeline/run.js';
import { createAdmission } from './admission.js';
import { createApp } from './app.js';
import { type Backend, openBackend } from './backend.js';
import { isLoopback } from './guards.js';
import { createMetrics } from './metrics.js';
import { requestPrompts } from './prompts.js';
import { createScopes } from './scope.js';
import type { ServedDetector, ServedModel, ServerContext, ServerSettings } from './types.js';
import type { Upstream } from './upstream.js';
import { webFiles } from './web-files.js';

export interface ServeOptions {
  /** Loads the model; called again after its process died. */
  open(): Promise<Engine>;
  model: ServedModel;
  served?: ServedDetector;
  settings: Omit<ServerSettings, 'hosts'>;
  /** Another server, which writes the answers; closed with this one. */
  upstream?: Upstream;
  commands?: ServerContext['commands'];
  host: string;
  /** 0: any that is free. */
  port: number;
  version: string;
  /** Hears of what an operator should know. */
  say(message: string): void;
}

export interface RunningServer {
  url: string;
  backend: Backend;
  context: ServerContext;
  /** Lets nobody in any more, waits at most so long for requests under way, then ends them and everything else. */
  close(drainMs: number): Promise<void>;
}

export const DEFAULT_SETTINGS: Omit<ServerSettings, 'hosts'> = {
  concurrency: 8,
  queue: 64,
  contextTokens: 2048,
  exact: true,
  requestTimeoutMs: 300_000,
  stallMs: 30_000,
  maxBody: 1 << 20,
  alpha: 1,
  onRisk: 'annotate',
  threshold: 0.5,
};

/** A client has so long to send its head, and its whole request. */
const HEAD_MS = 10_000;
const BODY_MS = 30_000;
const CONNECTIONS = 1024;

/**
 * Loads a model and serves it.
 * @throws UserError when the model cannot be loaded, or nothing can listen there
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const { model, served, upstream, host, port, version, say } = options;
  const settings: ServerSettings = {
    ...options.settings,
    // Elsewhere a proxy may call the server by any name.
    hosts: isLoopback(host) ? isLoopback : undefined,
  };
  const { concurrency, queue, contextTokens, exact } = settings;
  const watch = served && detectorNeurons(served.detector).neurons;
  const backend = await openBackend(options.open, { watch, concurrency, contextTokens, exact }, say);
  const scopes = createScopes();
  try {
    const admission = createAdmission(concurrency, queue);
    const metrics = createMetrics({
      inside: () => admission.inside,
      active: () => backend.active,
      ready: () => backend.ready,
      restarts: () => backend.restarts,
      pid: () => backend.pid,
    });
    const asked = served ? askedModel(backend.model, served.detector) : backend.model;
    const prompts = requestPrompts(asked, served?.detector.promptStyle ?? 'auto');
    if (!served && prompts.kind === 'chat' && asked.baseSign) say(baseNotice(asked));
    // A broken template refuses chats, not the server: completions do without it.
    await prompts.ofMessages(PROBE).catch((error: Error) => say(`warning: ${error.message}`));
    const context = {
      version,
      model,
      served,
      settings,
      backend,
      prompts,
      admission,
      metrics,
      scopes,
      upstream,
      commands: options.commands,
    };
    const app = createApp(context, webFiles(WEB), (error) => {
      say(`a bug: ${error instanceof Error ? error.stack : String(error)}`);
    });
    const server = createServer(
      { headersTimeout: HEAD_MS, requestTimeout: BODY_MS },
      getRequestListener(app.fetch, { overrideGlobalObjects: false }),
    );
    server.maxConnections = CONNECTIONS;
    const url = await listen(server, host, port);
    return {
      url,
      backend,
      context,
      async close(drainMs) {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeIdleConnections();
        await scopes.drain(drainMs);
        // What was told last goes out before connections are closed.
        const patience = setTimeout(() => server.closeAllConnections(), LAST_WORDS_MS);
        server.closeIdleConnections();
        await closed;
        clearTimeout(patience);
        await upstream?.close();
        await backend.close();
      },
    };
  } catch (error) {
    await backend.close();
    throw error;
  }
}

const PROBE = [{ role: 'user' as const, content: 'What is the capital of France?' }];

/** Where the build puts the web page: dist/web, beside dist/src. */
const WEB = fileURLToPath(new URL('../../web', import.meta.url));
const LAST_WORDS_MS = 1000;

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'the port is in use; choose another with --port'
          : error.code === 'EACCES'
            ? 'it is not allowed; choose a --port above 1023'
            : error.message;
      reject(new UserError(`cannot listen on ${host}, port ${port}: ${why}`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
