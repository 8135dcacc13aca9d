import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RenderRequest } from './conversation.js';
import type { RenderReply, RenderTask } from './protocol.js';

export interface PoolLimits {
  /** Longest time that one conversation may take, milliseconds. */
  limitMs: number;
  /** While a conversation takes longer than this, others are given to another process; milliseconds. */
  patienceMs: number;
  /** Heap of a process, MiB. */
  memoryMb: number;
  /** Processes at the same time. */
  maxProcesses: number;
}

/** Renders conversations in processes of their own, which are started when needed and ended with this one. */
export interface TemplatePool {
  /** Rejects with an Error in a few words when the template cannot be rendered within the limits. */
  render(request: RenderRequest): Promise<string>;
  close(): void;
}

interface Job {
  request: RenderRequest;
  /** True if it is rendered by itself, as a batch that it was in was stuck or crashed. */
  alone: boolean;
  resolve(text: string): void;
  reject(error: Error): void;
}

interface Worker {
  child: ChildProcess;
  /** Jobs that it was given and that are not settled, in order. */
  jobs: Job[];
  /** When it was given them, or settled the last ones; undefined until it has started. */
  since?: number;
  /** True if the process was ended because a job took too long. */
  late: boolean;
  timer?: NodeJS.Timeout;
}

const LIMITS: PoolLimits = { limitMs: 5000, patienceMs: 1000, memoryMb: 128, maxProcesses: 4 };
/** A process that does not stop a job itself in time is ended this much later. */
const GRACE_MS = 5000;
/** Jobs given to a process together: a watched run for each would take longer than the rendering. */
const MAX_BATCH = 64;

/** Ordinary templates take a millisecond: one process renders all prompts, and others start only beside one that is stuck. */
export function createTemplatePool(limits: Partial<PoolLimits> = {}): TemplatePool {
  const { limitMs, patienceMs, memoryMb, maxProcesses } = { ...LIMITS, ...limits };
  const queue: Job[] = [];
  const workers = new Set<Worker>();
  let impatient: NodeJS.Timeout | undefined;

  const start = (): Worker => {
    const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      execArgv: [`--max-old-space-size=${memoryMb}`],
    });
    const worker: Worker = { child, jobs: [], late: false };
    workers.add(worker);
    child.on('message', ({ results }: RenderReply) => {
      for (const [i, job] of worker.jobs.splice(0, results.length).entries()) {
        const result = results[i];
        if ('text' in result) job.resolve(result.text);
        else job.reject(new Error(result.error));
      }
      worker.since = performance.now();
      watch(worker);
      dispatch();
    });
    child.on('error', (error) =>
      gone(worker, new Error(`no process can be started for it: ${error.message}`)),
    );
    child.on('exit', (code, signal) => {
      const crash = `its process stopped (${signal ?? `exit code ${code}`}): it may take more than the ${memoryMb} MB of memory that it gets`;
      gone(worker, new Error(worker.late ? `it takes longer than ${limitMs / 1000} s` : crash));
    });
    return worker;
  };

  /** Which job of a batch ended a process is not known: each is tried again by itself. */
  const gone = (worker: Worker, error: Error): void => {
    if (!workers.delete(worker)) return;
    clearTimeout(worker.timer);
    if (worker.jobs.length === 1) worker.jobs[0].reject(error);
    else takeBack(worker);
    dispatch();
  };

  const takeBack = (worker: Worker): void => {
    for (const job of worker.jobs) job.alone = true;
    queue.unshift(...worker.jobs.splice(0));
  };

  /** Gives the jobs of a process their time. An idle process does not keep the program running. */
  const watch = (worker: Worker): void => {
    const { child, jobs } = worker;
    clearTimeout(worker.timer);
    if (jobs.length === 0) {
      child.unref();
      child.channel?.unref();
      return;
    }
    child.ref();
    child.channel?.ref();
    worker.timer = setTimeout(() => {
      worker.late = true;
      child.kill('SIGKILL');
    }, limitMs + GRACE_MS);
  };

  const give = (worker: Worker): void => {
    const first = queue.findIndex(({ alone }) => alone);
    worker.jobs = queue.splice(0, first === 0 ? 1 : Math.min(MAX_BATCH, first < 0 ? MAX_BATCH : first));
    if (worker.since !== undefined) worker.since = performance.now();
    watch(worker);
    const task: RenderTask = { requests: worker.jobs.map(({ request }) => request), limitMs };
    // A task that does not arrive means that the process is ending; 'exit' will tell.
    worker.child.send(task, () => {});
  };

  /** Starts another process beside one that is stuck; the jobs of a stuck batch are tried one by one. */
  const hurry = (): void => {
    const now = performance.now();
    const stuck = [...workers].filter(
      ({ jobs, since = now }) => jobs.length > 0 && now - since >= patienceMs,
    );
    const all = stuck.length === workers.size;
    for (const worker of stuck.filter(({ jobs }) => jobs.length > 1)) {
      workers.delete(worker);
      clearTimeout(worker.timer);
      worker.child.kill('SIGKILL');
      takeBack(worker);
    }
    dispatch(all);
  };

  const dispatch = (more = false): void => {
    clearTimeout(impatient);
    impatient = undefined;
    for (const worker of workers) if (worker.jobs.length === 0 && queue.length > 0) give(worker);
    if (queue.length > 0 && (workers.size === 0 || (more && workers.size < maxProcesses))) give(start());
    const waiting = queue.length > 0 || [...workers].some(({ jobs }) => jobs.length > 1);
    if (waiting) impatient = setTimeout(hurry, patienceMs);
  };

  return {
    render: (request) =>
      new Promise((resolve, reject) => {
        queue.push({ request, alone: false, resolve, reject });
        // What is asked for in one go is rendered in one go.
        if (queue.length === 1) queueMicrotask(dispatch);
      }),
    close() {
      for (const { child } of workers) child.kill('SIGKILL');
    },
  };
}
