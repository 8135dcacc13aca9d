import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../errors.js';
import { OVER_MEMORY, OVER_TIME } from '../../threads/watch.js';
import type { Reply, Request } from './protocol.js';

/** Limit of V8's heap in the process, in MiB. */
const HEAP_MB = 640;
/** An idle process is kept so long for the next file. */
const IDLE_MS = 2000;

/** A process that decodes Parquet files. It reads one at a time. */
export interface ParquetProcess {
  /**
   * @param subject the file that an error names
   * @throws UserError when the process ends before its reply; the signal's reason when it is aborted, which ends the process
   */
  ask(request: Request, subject: string, signal?: AbortSignal): Promise<Reply>;
  /** Gives it back, for the next file. */
  release(): void;
}

let idle: { process: ParquetProcess; child: ChildProcess; timer: NodeJS.Timeout } | undefined;

/** An idle process, or a new one. */
export function acquireProcess(): ParquetProcess {
  if (idle === undefined) return startProcess();
  const { process, child, timer } = idle;
  idle = undefined;
  clearTimeout(timer);
  setReferenced(child, true);
  return process;
}

function startProcess(): ParquetProcess {
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
  });
  let said = '';
  let ended = false;
  let settle: ((reply: Reply | undefined) => void) | undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096);
  });
  child.on('message', (reply: Reply) => settle?.(reply));
  const onEnd = () => {
    ended = true;
    if (idle?.child === child) idle = undefined;
    settle?.(undefined);
  };
  // 'close' rather than 'exit': by then all that it wrote to stderr has been read.
  child.on('error', onEnd).on('close', onEnd);

  const reader: ParquetProcess = {
    async ask(request, subject, signal) {
      signal?.throwIfAborted();
      const stop = () => void child.kill('SIGKILL');
      signal?.addEventListener('abort', stop, { once: true });
      try {
        const reply = await new Promise<Reply | undefined>((resolve) => {
          settle = resolve;
          if (ended) resolve(undefined);
          // A message that does not arrive means that the process is ending.
          else child.send(request, () => {});
        });
        if (reply !== undefined) return reply;
      } finally {
        settle = undefined;
        signal?.removeEventListener('abort', stop);
      }
      signal?.throwIfAborted();
      throw explainEnd(subject, child, said);
    },
    release() {
      if (ended) return;
      if (idle !== undefined) {
        child.kill('SIGKILL');
        return;
      }
      setReferenced(child, false);
      const timer = setTimeout(() => child.kill('SIGKILL'), IDLE_MS).unref();
      idle = { process: reader, child, timer };
    },
  };
  return reader;
}

/** Whether this process stays alive for the other one. */
function setReferenced(child: ChildProcess, referenced: boolean): void {
  const method = referenced ? 'ref' : 'unref';
  child[method]();
  child.channel?.[method]();
  (child.stderr as Socket | null)?.[method]();
}

function explainEnd(subject: string, child: ChildProcess, said: string): UserError {
  if (said.includes(OVER_TIME)) {
    return new UserError(`${subject} is damaged: a part of it could not be decoded in reasonable time`);
  }
  if (said.includes(OVER_MEMORY) || /out of memory|invalid .*size/i.test(said)) {
    return new UserError(
      `${subject} is damaged, or a row group of it needs too much memory: write it with smaller row groups`,
    );
  }
  const how = child.signalCode ?? `exit code ${child.exitCode}`;
  return new UserError(`${subject} could not be read: the process that decodes it stopped (${how})`);
}
