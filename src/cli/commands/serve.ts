import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { UserError } from '../../errors.js';
import type { RunningServer } from '../../server/serve.js';
import type { ServerSettings } from '../../server/types.js';
import {
  addEngine,
  addModel,
  addOutput,
  DEFAULT_MODEL,
  type EngineFlags,
  engineChoice,
  integer,
  MODEL,
  number,
  type OutputOptions,
} from '../options.js';
import { findModel, type Session, withProgress } from '../session.js';

/** Weights that are not quantised: the score does not depend on the batch, so that an exact cache makes it exact. */
const UNROUNDED = new Set(['F32', 'F16', 'BF16']);

interface ServeFlags extends OutputOptions, EngineFlags {
  model?: string;
  detector?: string;
  force?: boolean;
  port: number;
  host: string;
  apiKey?: string;
  alpha?: number;
  onRisk?: 'annotate' | 'retry' | 'abstain';
  threshold?: number;
  concurrency?: number;
  queue?: number;
  context?: number;
  cache: 'auto' | 'exact' | 'fast';
  requestTimeout?: number;
  drainTimeout: number;
  maxBody?: number;
  cors?: string;
  upstream?: string;
  upstreamModel?: string;
}

/** `hneurons serve`: OpenAI's API with a hallucination score and an alpha, and a web page to see it. */
export function addServe(program: Command, session: Session): void {
  const command = program
    .command('serve')
    .description("a server that speaks OpenAI's API, with a hallucination score and an alpha, and a web page")
    .option('--detector <file>', 'detector.json of a run; without it answers are not scored')
    .option('--force', 'also with another file of the same shape than the detector was trained on')
    .option('--port <n>', 'where to listen, 0 for any free port', integer(0, 65535), 8080)
    .option('--host <address>', 'on which address; other machines reach 0.0.0.0', '127.0.0.1')
    .option('--api-key <key>', 'answer only requests with this key (better: environment HNEURONS_API_KEY)')
    .option('--alpha <a>', 'alpha of requests that have none (default: 1)', number(0, 3))
    .addOption(
      new Option(
        '--on-risk <action>',
        'what is done about a risky answer: say so, ask again, or hold it back (default: annotate)',
      ).choices(['annotate', 'retry', 'abstain']),
    )
    .option(
      '--threshold <p>',
      'probability from which on an answer counts as hallucinated (default: 0.5)',
      number(0, 1),
    )
    .option('--concurrency <n>', 'answers written at the same time (default: 8)', integer(1, 256))
    .option(
      '--queue <n>',
      'answers that may wait; further ones are refused (default: 64)',
      integer(0, 100_000),
    )
    .option(
      '--context <n>',
      'longest prompt and answer together, tokens (default: 2048)',
      integer(16, 1 << 20),
    )
    .addOption(
      new Option(
        '--cache <kind>',
        'exact: 32-bit, so that scores are those of hneurons score; fast: 16-bit with flash attention; auto: exact where the model is not quantised',
      )
        .choices(['auto', 'exact', 'fast'])
        .default('auto'),
    )
    .option(
      '--request-timeout <s>',
      'longest time for one request, seconds (default: 300)',
      number(0.1, 86_400),
    )
    .option('--drain-timeout <s>', 'at the end, longest wait for requests under way', number(0, 3600), 30)
    .option('--max-body <bytes>', 'largest request (default: 1048576)', integer(1024, 1 << 28))
    .option('--cors <origin>', 'let web pages of this origin call (default: none but its own)', origin)
    .option(
      '--upstream <url>',
      'another server writes the answers, we score them; its key: HNEURONS_UPSTREAM_KEY',
    )
    .option(
      '--upstream-model <name>',
      'name of the model on that server (default: its only one, or as the client says)',
    );
  addOutput(addEngine(addModel(command, MODEL)))
    .addHelpText(
      'after',
      `
Examples:
  $ hneurons serve --detector runs/gemma-3-270m-builtin/detector.json
  $ hneurons serve --model ./my.gguf --detector detector.json --on-risk retry --concurrency 32
  $ HNEURONS_API_KEY=... hneurons serve --host 0.0.0.0 --detector detector.json
  $ hneurons serve --detector detector.json --upstream http://localhost:8000/v1 --upstream-model my-model

SIGTERM or Ctrl-C lets requests under way finish; a second one ends at once.`,
    )
    .action((flags: ServeFlags) => runServe(session, flags));
}

function origin(text: string): string {
  if (!URL.canParse(text) || new URL(text).origin !== text) {
    throw new InvalidArgumentError('It must be an origin such as https://app.example.com.');
  }
  return text;
}

async function runServe(session: Session, flags: ServeFlags): Promise<void> {
  const { signal, stderr, stdout } = session;
  const { isLoopback } = await import('../../server/guards.js');
  const say = (message: string) => {
    if (!flags.quiet) stderr.write(`hneurons: ${message}\n`);
  };
  const apiKey = flags.apiKey ?? process.env.HNEURONS_API_KEY;
  if (apiKey === '') throw new UserError('the API key is empty', { exitCode: 2 });
  if (!isLoopback(flags.host) && apiKey === undefined) {
    stderr.write(
      `hneurons: warning: anyone who reaches ${flags.host} can use this server; give it a key with HNEURONS_API_KEY\n`,
    );
  }
  const server = await withProgress(session, flags, (emit) => start(session, flags, apiKey, say, emit));
  session.drains = true;
  stdout.write(flags.json ? `${JSON.stringify({ url: server.url })}\n` : `${server.url}\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  say('finishing what is under way; stop again to end at once');
  await server.close(1000 * flags.drainTimeout);
}

async function start(
  session: Session,
  flags: ServeFlags,
  apiKey: string | undefined,
  say: (message: string) => void,
  emit: Parameters<typeof findModel>[2],
): Promise<RunningServer> {
  const { environment, signal, version } = session;
  const { checkDetectorModel, readDetector } = await import('../../pipeline/detector.js');
  const { identifyModel } = await import('../../pipeline/run.js');
  const { readHeldOutAnswers } = await import('../../risk/index.js');
  const { detectorCommands } = await import('../../server/commands.js');
  const { DEFAULT_SETTINGS, startServer } = await import('../../server/serve.js');
  const { defined } = await import('../../pipeline/settings.js');

  const upstream = await openTheUpstream(flags);
  const detector = flags.detector === undefined ? undefined : await readDetector(flags.detector);
  const found = await findModel(session, flags.model ?? DEFAULT_MODEL, emit);
  const { identity } = await identifyModel(found, environment, signal);
  if (detector) checkDetectorModel(detector, identity, flags.force ?? false);
  const milliseconds = (value: number | undefined) => (value === undefined ? undefined : 1000 * value);
  const { source: _, path: __, ...model } = identity;
  // Not the session's signal: the model goes on until requests under way are answered.
  const open = () => environment.openEngine({ ...engineChoice(flags), modelPath: found.path });
  const spec = flags.model ?? DEFAULT_MODEL;
  if (!detector && flags.cache === 'exact') {
    say('--cache exact has no effect without --detector: there is no score that it could make exact');
  }
  if (detector) await sayWeakness(flags.detector!, say);
  return startServer({
    open,
    upstream,
    commands: detectorCommands(
      { spec, name: identity.name, isFile: found.source === `file:${spec}` },
      engineChoice(flags),
    ),
    model,
    served: detector && {
      detector,
      path: flags.detector!,
      heldOut: await readHeldOutAnswers(flags.detector!, detector),
    },
    settings: {
      ...DEFAULT_SETTINGS,
      ...defined<Partial<ServerSettings>>({
        apiKey,
        alpha: flags.alpha,
        onRisk: flags.onRisk,
        threshold: flags.threshold,
        concurrency: flags.concurrency,
        queue: flags.queue,
        contextTokens: flags.context,
        exact: flags.cache === 'exact' || (flags.cache === 'auto' && UNROUNDED.has(model.quantisation)),
        requestTimeoutMs: milliseconds(flags.requestTimeout),
        maxBody: flags.maxBody,
        cors: flags.cors,
      }),
    },
    host: flags.host,
    port: flags.port,
    version,
    say,
  });
}

/** Says that the detector did not pass its own test, as the report beside it tells. */
async function sayWeakness(detector: string, say: (message: string) => void): Promise<void> {
  const { parseReport } = await import('../../report/schema.js');
  const path = join(dirname(detector), 'report.json');
  try {
    const { verdict } = parseReport(JSON.parse(await readFile(path, 'utf8')), path);
    if (verdict.outcome !== 'beats') say(`warning: ${verdict.headline}: ${verdict.details}`);
  } catch {
    // A detector may be alone; a damaged report is told of where it is shown.
  }
}

/** The other server, where there is one. @throws UserError for options that make no sense with it, or no URL */
async function openTheUpstream({ upstream, upstreamModel, detector, alpha }: ServeFlags) {
  const wrong = (message: string) => new UserError(message, { exitCode: 2 });
  if (upstream === undefined) {
    if (upstreamModel !== undefined) throw wrong('--upstream-model needs --upstream, the server that has it');
    return undefined;
  }
  if (detector === undefined) throw wrong('--upstream needs --detector: all that is done here is to score');
  if (alpha !== undefined && alpha !== 1) {
    throw wrong('--alpha means nothing with --upstream: another server writes the answers');
  }
  const { openUpstream } = await import('../../server/upstream.js');
  return openUpstream({ url: upstream, model: upstreamModel });
}
