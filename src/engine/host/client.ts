import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors.js';
import { type LiveHost, openLive } from '../live/client.js';
import type { ReadReply } from '../read/reader.js';
import type { StepReply } from '../sample/tree.js';
import { checkTokens, exceedsContext, tooLong } from '../text/length.js';
import { commonPrefix } from '../text/prompt.js';
import type { Engine, EngineOptions, ReadJob, SampleJob, SampleRequest } from '../types.js';
import { crashError } from './crash.js';
import { compareOomKills, countOomKills } from './oom.js';
import {
  AT_ONCE,
  type CallName,
  type Calls,
  type ToChild,
  type ToParent,
  type Turn,
  type TurnReply,
} from './protocol.js';
import { probeLimit, stalled, watchProcess } from './watchdog.js';

type TurnHandler = (turn: Turn) => TurnReply | Promise<TurnReply>;

interface PendingCall {
  name: CallName;
  resolve(result: unknown): void;
  reject(error: unknown): void;
  onTurn?: TurnHandler;
}

const STDERR_KEPT = 16384;

/** The native process and the calls under way in it. */
interface Host extends LiveHost {
  process: Engine['process'];
  /** @param signal stops the call, which then rejects with its reason once the native process is done with it */
  call<K extends CallName>(
    name: K,
    argument: Calls[K][0],
    onTurn?: TurnHandler,
    signal?: AbortSignal,
  ): Promise<Calls[K][1]>;
  close(): Promise<void>;
}

/**
 * Starts the native process.
 * @param subject the file that messages about a crash name
 * @param library folder of the user's own llama.cpp build
 */
function startHost(
  subject: string,
  { signal, library, onNotice }: Pick<EngineOptions, 'signal' | 'library' | 'onNotice'> = {},
): Host {
  const oomKills = countOomKills();
  const child: ChildProcess = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // What a program that uses the library was started with (--eval, a debugger's port) is not meant for this one.
    execArgv: [],
  });
  const calls = new Map<number, PendingCall>();
  let lastId = 0;
  let said = '';
  let last: CallName | 'starting' = 'starting';
  let ready = false;
  let endWatch = () => {};
  let ended: Error | undefined;
  let live: Parameters<LiveHost['listen']>[0] | undefined;
  let tellGone: (error: Error) => void;
  const gone = new Promise<Error>((resolve) => {
    tellGone = resolve;
  });

  const failAll = (error: Error) => {
    endWatch();
    ended ??= error;
    // First, so that whoever waits for it knows of it before any call fails.
    tellGone(ended);
    for (const call of calls.values()) call.reject(error);
    calls.clear();
    live?.onEnd(error);
    live = undefined;
  };
  const abandon = (error: unknown) => {
    failAll(error as Error);
    child.kill('SIGKILL');
  };
  const post = (message: ToChild) => {
    try {
      // A message that does not arrive means that the process is ending; 'close' will tell how.
      child.send(message, () => {});
    } catch (error) {
      // One that cannot be sent (too large) would be waited for without end.
      if (message.kind === 'call') calls.get(message.id)?.reject(unsendable(error));
      else abandon(unsendable(error));
    }
  };

  const takeTurn = async (call: PendingCall, { id, turn }: Extract<ToParent, { kind: 'turn' }>) => {
    let reply: TurnReply;
    try {
      reply = await call.onTurn!(turn);
    } catch (error) {
      calls.delete(id);
      call.reject(error);
      reply = { cancel: true };
    }
    post({ kind: 'reply', id, reply });
  };

  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-STDERR_KEPT);
  });
  child.on('error', (error) => failAll(new UserError(`Cannot start the native process: ${error.message}`)));
  const running = () => {
    if (!ready) return 'starting';
    for (const { name } of calls.values()) if (!AT_ONCE.has(name)) return name;
    return live ? 'liveOpen' : last;
  };
  // 'close' rather than 'exit': by then all that it wrote to stderr has been read.
  child.on('close', (code: number | null, exitSignal: NodeJS.Signals | null) => {
    const oom = exitSignal === 'SIGKILL' ? compareOomKills(oomKills, countOomKills()) : 'unknown';
    failAll(
      crashError({ signal: exitSignal, code, stderr: said, running: running(), subject, library, oom }),
    );
  });
  child.on('message', (message: ToParent) => {
    if (message.kind === 'live') {
      live?.onEvents(message.events);
      return;
    }
    if (message.kind === 'ready') {
      ready = true;
      return;
    }
    if (message.kind === 'notice') {
      onNotice?.(message.text);
      return;
    }
    if (message.kind === 'probing') {
      const limit = probeLimit(message.weightBytes);
      endWatch = watchProcess(child.pid ?? -1, limit, () => abandon(stalled(subject, limit)));
      return;
    }
    const call = calls.get(message.id);
    if (!call) return;
    if (call.name === 'load') endWatch();
    if (message.kind === 'turn') {
      void takeTurn(call, message);
      return;
    }
    calls.delete(message.id);
    if (message.kind === 'result') call.resolve(message.result);
    else call.reject(revive(message));
  });

  const abort = () => abandon(signal?.reason ?? new Error('aborted'));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });

  return {
    process: { pid: child.pid ?? -1, gone, kill: () => void child.kill('SIGKILL') },
    async call(name, argument, onTurn, stop) {
      if (ended) throw ended;
      stop?.throwIfAborted();
      last = name;
      const id = ++lastId;
      const onStop = () => post({ kind: 'stop', id });
      stop?.addEventListener('abort', onStop, { once: true });
      try {
        return await new Promise((resolve, reject) => {
          calls.set(id, { name, resolve: resolve as (result: unknown) => void, reject, onTurn });
          post({ kind: 'call', id, name, argument });
        });
      } catch (error) {
        throw stop?.aborted && !ended ? stop.reason : error;
      } finally {
        stop?.removeEventListener('abort', onStop);
      }
    },
    post,
    listen(listener) {
      live = listener;
    },
    get ended() {
      return ended;
    },
    async close() {
      signal?.removeEventListener('abort', abort);
      if (child.exitCode !== null || child.signalCode !== null) return;
      ended ??= new Error('the engine is closed');
      live?.onEnd(ended);
      live = undefined;
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

function unsendable(error: unknown): UserError {
  const reason = error instanceof Error ? error.message : String(error);
  return new UserError(`The native process cannot be sent this input (${reason}): shorten or split it`);
}

function revive(failure: Extract<ToParent, { kind: 'failure' }>): Error {
  if (failure.exitCode !== undefined) return new UserError(failure.message, { exitCode: failure.exitCode });
  const error = new Error(failure.message);
  error.stack = failure.stack;
  return error;
}

const ints = (values: ArrayLike<number> | undefined): Int32Array =>
  values instanceof Int32Array ? values : Int32Array.from(values ?? []);

/**
 * Loads a model into a process of its own, so that the caller stays responsive and outlives a native crash.
 * @throws UserError for a bad file, an unfit library, no memory, or a crash: one line that names the file.
 */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { modelPath, device = 'auto', gpuLayers, splitMode, split, mainGpu } = options;
  const { threads, memory, library, signal } = options;
  const host = startHost(modelPath, { signal, library, onNotice: options.onNotice });
  try {
    const model = await host.call('load', {
      modelPath,
      device,
      gpuLayers,
      splitMode,
      split,
      mainGpu,
      threads,
      memory,
      library,
    });
    return {
      model,
      process: host.process,
      async tokenize(texts, { special, bos }) {
        const large = texts.find((text) => exceedsContext(text, model.contextLength));
        if (large !== undefined) {
          throw new UserError(`A text ${tooLong({ text: large }, model.contextLength)}: shorten or split it`);
        }
        return host.call('tokenize', { texts, special, bos });
      },
      pieces: (tokens) => host.call('pieces', { tokens: ints(tokens) }),
      detokenize: (tokens) => host.call('detokenize', { tokens: ints(tokens) }),
      columnNorms: () => host.call('columnNorms', {}),
      async logits(tokens, steering) {
        checkTokens('A sequence', tokens.length, model.contextLength);
        return host.call('logits', { tokens: ints(tokens), steering });
      },
      async logProbabilities(cases, steering) {
        for (const { tokens } of cases) checkTokens('A sequence', tokens.length, model.contextLength);
        return host.call('logProbabilities', {
          cases: cases.map(({ tokens, asked }) => ({
            tokens: ints(tokens),
            asked: asked.map((one) => ({ at: one.at, tokens: ints(one.tokens) })),
          })),
          prefix: commonPrefix(cases.map(({ tokens }) => tokens)),
          steering,
        });
      },
      sample: (job) =>
        host.call(
          'sample',
          { settings: job.settings, prefix: ints(job.prefix), most: job.most },
          sampleTurns(job, model.contextLength),
        ),
      async read(job) {
        const { residual, signed, steering } = job;
        const wish = { prefix: ints(job.prefix), neurons: ints(job.neurons), signed, residual, steering };
        await host.call('read', wish, readTurns(job, model.contextLength), job.signal);
      },
      live: (options) => openLive(host, options),
      peakMemory: () => host.call('peakMemory', {}),
      close: () => host.close(),
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/**
 * Writes a float32 copy of any GGUF model (for exact references), in a process of its own.
 * @throws UserError when the file cannot be read or written.
 */
export async function convertToFloat32(path: string, out: string): Promise<void> {
  const host = startHost(path);
  try {
    await host.call('toFloat32', { path, out });
  } finally {
    await host.close();
  }
}

function sampleTurns(job: SampleJob, contextLength: number): TurnHandler {
  const hear = ({ events }: Extract<Turn, { kind: 'sample' }>): string[] => {
    const stop: string[] = [];
    for (const { id, sample } of events.finished) if (job.onSample?.(id, sample) === false) stop.push(id);
    for (const result of events.results) job.onResult(result);
    return stop;
  };
  return async (turn) => {
    if (turn.kind !== 'sample') throw new Error(`unexpected turn ${turn.kind}`);
    const reply: StepReply = { stop: hear(turn), requests: [], exhausted: false };
    if (job.ready) await job.ready();
    for (let room = turn.events.room; room > 0; ) {
      const request: SampleRequest | undefined = job.next();
      if (!request) {
        reply.exhausted = true;
        break;
      }
      const tokens = request.prompt.length + job.settings.maxTokens;
      checkTokens(`Question ${request.id}: its prompt with an answer`, tokens, contextLength);
      reply.requests.push({ ...request, prompt: ints(request.prompt) });
      room -= request.samples;
    }
    return reply;
  };
}

function readTurns(job: ReadJob, contextLength: number): TurnHandler {
  return (turn) => {
    if (turn.kind !== 'read') throw new Error(`unexpected turn ${turn.kind}`);
    const reply: ReadReply = { cases: [], exhausted: false };
    for (const result of turn.results) job.onResult(result);
    for (let room = turn.room; room > 0; room--) {
      const next = job.next();
      if (!next) {
        reply.exhausted = true;
        break;
      }
      checkTokens(`Case ${next.id}`, next.tokens.length, contextLength);
      reply.cases.push({ ...next, tokens: ints(next.tokens) });
    }
    return reply;
  };
}
