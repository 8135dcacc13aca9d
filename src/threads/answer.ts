import { parentPort } from 'node:worker_threads';

/** `error` is the text for the user when the fault is theirs, `crash` a stack otherwise. */
export type WorkerReply = { error?: string; crash?: string };

/** In a worker thread: does `work` for each message, and says when it is done or what went wrong. */
export function answerMessages<T>(work: (message: T) => void): void {
  parentPort?.on('message', (message: T) => {
    const reply: WorkerReply = {};
    try {
      work(message);
    } catch (error) {
      if (error instanceof Error && error.name === 'UserError') reply.error = error.message;
      else reply.crash = String((error as Error)?.stack ?? error);
    }
    parentPort?.postMessage(reply);
  });
}
