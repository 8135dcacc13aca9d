/**
 * A watch over the process that runs it, from a thread of its own, so that it also ends a process whose JavaScript never returns: when the
 * parent process is gone, when a step takes more processor time than allowed, or when memory runs over its limit. Processor
 * time, unlike time on the clock, does not run out on a busy machine.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { isRunning } from '../processes.js';

/** Written to stderr before the process is ended; the parent tells the cause by it. */
export const OVER_TIME = 'the watch ends this process: over its processor time';
export const OVER_MEMORY = 'the watch ends this process: over its memory';

const POLL_MS = 100;

export interface Watch {
  /** Begins a step that may take so many seconds of processor time. */
  begin(seconds: number): void;
  /** Ends the step: from here on the process waits. */
  end(): void;
}

interface WatchData {
  /** [number of the step, its milliseconds; 0 between steps] */
  step: Int32Array;
  memoryBytes: number;
  parent: number;
}

/** Starts the watch over this process, and returns once it runs: no thread starts while JavaScript does not return. */
export async function startWatch(memoryBytes: number): Promise<Watch> {
  const step = new Int32Array(new SharedArrayBuffer(8));
  const data: WatchData = { step, memoryBytes, parent: process.ppid };
  // Without the options of this process, some of which (--eval, --input-type) are not meant for a file.
  const worker = new Worker(new URL(import.meta.url), { workerData: { watch: data }, execArgv: [] });
  await once(worker, 'message');
  worker.unref();
  return {
    begin(seconds) {
      Atomics.store(step, 1, Math.min(2 ** 31 - 1, Math.ceil(seconds * 1000)));
      Atomics.add(step, 0, 1);
    },
    end() {
      Atomics.store(step, 1, 0);
      Atomics.add(step, 0, 1);
    },
  };
}

function watch({ step, memoryBytes, parent }: WatchData): void {
  let seen = -1;
  let start = 0;
  setInterval(() => {
    const { user, system } = process.cpuUsage();
    const used = (user + system) / 1000;
    const now = Atomics.load(step, 0);
    if (now !== seen) [seen, start] = [now, used];
    const allowed = Atomics.load(step, 1);
    if (allowed > 0 && used - start > allowed) endProcess(OVER_TIME);
    if (process.memoryUsage.rss() > memoryBytes) endProcess(OVER_MEMORY);
    if (!isAlive(parent)) endProcess('');
  }, POLL_MS);
  parentPort?.postMessage('ready');
}

/** On Windows the parent's number stays when it is gone. */
function isAlive(parent: number): boolean {
  return process.platform === 'win32' ? isRunning(parent) : process.ppid === parent;
}

function endProcess(reason: string): void {
  try {
    writeSync(2, `${reason}\n`);
  } finally {
    // A thread cannot end its process otherwise while another one computes.
    process.kill(process.pid, 'SIGKILL');
  }
}

const data = isMainThread ? undefined : (workerData as { watch?: WatchData } | null)?.watch;
if (data !== undefined) watch(data);
