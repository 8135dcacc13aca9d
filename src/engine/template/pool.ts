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
  resolve(text: string): void;
  reject(error: Error): void;
}

interface Worker {
  child: ChildProcess;
  job?: Job;
  /** True if the process was ended because its job took too long. */
  late: boolean;
  timer?: NodeJS.Timeout;
}

const LIMITS: PoolLimits = { limitMs: 5000, patienceMs: 1000, memoryMb: 128, maxProcesses: 4 };
/** A process that does not stop a job itself in time is ended this much later. */
const GRACE_MS = 5000;

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
    const worker: Worker = { child, late: false };
    workers.add(worker);
    const gone = (error: Error) => {
      if (!workers.delete(worker)) return;
      clearTimeout(worker.timer);
      worker.job?.reject(error);
      dispatch();
    };
    child.on('message', (reply: RenderReply) => {
      const { job } = worker;
      worker.job = undefined;
      clearTimeout(worker.timer);
      rest(worker);
      if ('text' in reply) job?.resolve(reply.text);
      else job?.reject(new Error(reply.error));
      dispatch();
    });
    child.on('error', (error) => gone(new Error(`no process can be started for it: ${error.message}`)));
    child.on('exit', (code, signal) =>
      gone(new Error(worker.late ? `it takes longer than ${limitMs / 1000} s` : crashed(code, signal))),
    );
    rest(worker);
    return worker;
  };
  const crashed = (code: number | null, signal: string | null) =>
    `its process stopped (${signal ?? `exit code ${code}`}): it may take more than the ${memoryMb} MB of memory that it gets`;

  const give = (worker: Worker, job: Job) => {
    worker.job = job;
    worker.child.ref();
    worker.child.channel?.ref();
    worker.timer = setTimeout(() => {
      worker.late = true;
      worker.child.kill('SIGKILL');
    }, limitMs + GRACE_MS);
    const task: RenderTask = { request: job.request, limitMs };
    // A task that does not arrive means that the process is ending; 'exit' will tell.
    worker.child.send(task, () => {});
  };

  const dispatch = (more = false): void => {
    clearTimeout(impatient);
    impatient = undefined;
    while (queue.length > 0) {
      const idle = [...workers].find(({ job }) => !job);
      const started =
        idle ?? (workers.size === 0 || (more && workers.size < maxProcesses) ? start() : undefined);
      const job = started && queue.shift();
      if (!started || !job) break;
      if (!idle) more = false;
      give(started, job);
    }
    if (queue.length > 0 && workers.size < maxProcesses)
      impatient = setTimeout(() => dispatch(true), patienceMs);
  };

  return {
    render: (request) =>
      new Promise((resolve, reject) => {
        queue.push({ request, resolve, reject });
        dispatch();
      }),
    close() {
      for (const { child } of workers) child.kill('SIGKILL');
    },
  };
}

/** An idle process does not keep the program running. */
function rest({ child }: Worker): void {
  child.unref();
  child.channel?.unref();
}
