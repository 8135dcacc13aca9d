import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveListener, LiveOptions, LiveRequest, LiveSession } from '../engine/live/types.js';
import type { Engine, ModelInfo } from '../engine/types.js';
import { restarting } from './errors.js';

/** Waits before the native process is started again, milliseconds; the last one holds for all further attempts. */
const BACK_OFF = [0, 500, 1000, 2000, 5000, 10_000, 30_000];
/** One that lived so long makes the next wait short again. */
const HEALTHY_MS = 60_000;

/** How often a native process at work is asked whether it still answers. */
const PING_MS = 5000;
/** One that does not answer for so long hangs. A step of a large model, which lets nothing in between, may take long. */
const HANGS_MS = 60_000;
/** So many times as long while calls are under way, which it answers one after the other: reading many answers takes long. */
const CALLS_MAY_TAKE = 5;

/** Long enough for the end of the native process to be known where it was the reason of a failure. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The native side as the server sees it: always there, if not always ready. */
export interface Backend {
  readonly model: ModelInfo;
  readonly ready: boolean;
  /** Id of the native process; undefined while there is none. */
  readonly pid: number | undefined;
  /** How often it was started again. */
  readonly restarts: number;
  /** Answers running and waiting in it. */
  readonly active: number;
  /** Starts or queues an answer. @throws ApiError 503 while there is no native process */
  submit(request: LiveRequest, listener: LiveListener): void;
  /** Stops computing an answer at once. */
  cancel(id: string): void;
  /**
   * Lends the engine to `work`.
   * @throws ApiError 503 when there is no native process, or it dies meanwhile
   */
  call<T>(work: (engine: Engine) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Opens a model for serving. When its process dies, all that is under way in it fails with a 503 and it is started again, later
 * and later while that does not help.
 *
 * @param open starts the native process
 * @param options what its live session may do
 * @param say hears of what an operator should know
 * @param times milliseconds after which a process that does not answer is killed, and between two questions
 * @throws UserError when the first start fails
 */
export async function openBackend(
  open: () => Promise<Engine>,
  options: LiveOptions,
  say: (message: string) => void,
  times: { hangs: number; ping: number } = { hangs: HANGS_MS, ping: PING_MS },
): Promise<Backend> {
  interface Native {
    engine: Engine;
    live: LiveSession;
    gone?: Error;
    /** Calls under way. */
    calls: number;
    askedAt?: number;
  }
  let native: Native | undefined;
  let restarts = 0;
  let failures = 0;
  const closing = new AbortController();

  const start = async (): Promise<Native> => {
    const engine = await open();
    try {
      const started: Native = { engine, live: await engine.live(options), calls: 0 };
      const since = performance.now();
      void engine.process.gone.then((error) => {
        started.gone = error;
        if (native !== started) return;
        native = undefined;
        if (performance.now() - since > HEALTHY_MS) failures = 0;
        say(`${error.message}; starting it again`);
        void restart();
      });
      await tick();
      if (started.gone) throw started.gone;
      return started;
    } catch (error) {
      await engine.close();
      throw error;
    }
  };

  const restart = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const wait = BACK_OFF[Math.min(failures++, BACK_OFF.length - 1)];
      try {
        await sleep(wait, undefined, { signal: closing.signal });
        const started = await start();
        if (closing.signal.aborted) return await started.engine.close();
        native = started;
        restarts++;
        say('the model is back');
        return;
      } catch (error) {
        if (closing.signal.aborted) return;
        say(`cannot start the model: ${(error as Error).message}`);
      }
    }
  };

  const ping = () => {
    const asked = native;
    if (!asked) return;
    const now = performance.now();
    if (asked.askedAt === undefined) {
      if (asked.live.active + asked.calls === 0) return;
      asked.askedAt = now;
      const heard = () => {
        asked.askedAt = undefined;
      };
      asked.engine.tokenize([''], { special: false, bos: false }).then(heard, heard);
    } else if (now - asked.askedAt > times.hangs * (asked.calls > 0 ? CALLS_MAY_TAKE : 1)) {
      say(`the model has not answered for ${Math.round((now - asked.askedAt) / 1000)} s and is killed`);
      asked.engine.process.kill();
    }
  };

  const get = (): Native => {
    if (!native) throw restarting();
    return native;
  };

  native = await start();
  const pinging = setInterval(ping, times.ping);
  pinging.unref();
  const { model } = native.engine;
  return {
    model,
    get ready() {
      return native !== undefined;
    },
    get pid() {
      return native?.engine.process.pid;
    },
    get restarts() {
      return restarts;
    },
    get active() {
      return native?.live.active ?? 0;
    },
    submit(request, listener) {
      const used = get();
      used.live.submit(request, {
        ...listener,
        onError: (error) => {
          void tick().then(() => listener.onError(native === used ? error : restarting()));
        },
      });
    },
    cancel: (id) => native?.live.cancel(id),
    async call(work) {
      const used = get();
      used.calls++;
      try {
        return await work(used.engine);
      } catch (error) {
        await tick();
        throw native === used ? error : restarting();
      } finally {
        used.calls--;
      }
    },
    async close() {
      closing.abort();
      clearInterval(pinging);
      const last = native;
      native = undefined;
      await last?.live.close().catch(() => {});
      await last?.engine.close();
    },
  };
}
