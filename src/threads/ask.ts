import type { Worker } from 'node:worker_threads';
import { UserError } from '../errors.js';
import type { WorkerReply } from './answer.js';

/**
 * Gives a worker thread one message and waits until its work is done. Rejects with a UserError where the fault is the user's,
 * with the signal's reason when it is aborted (the thread goes on), and when the thread ends before its work is done.
 */
export function askWorker<T>(worker: Worker, message: T, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      worker.off('message', onMessage).off('error', settle).off('exit', onExit).unref();
      signal?.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onMessage = (reply: WorkerReply) => {
      if (reply.error !== undefined) settle(new UserError(reply.error));
      else settle(reply.crash === undefined ? undefined : new Error(reply.crash));
    };
    const onExit = () => settle(new Error('a worker thread ended before its work was done'));
    const onAbort = () => settle(signal?.reason);
    worker.on('message', onMessage).on('error', settle).on('exit', onExit).ref();
    signal?.addEventListener('abort', onAbort);
    worker.postMessage(message);
  });
}

/**
 * Waits for all parts of a work, also when one fails: a thread that is still at it writes into memory that the next step would
 * use again, and its late answer would let go of it while its end is awaited. Rejects with the first failure.
 */
export async function allOf(parts: Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(parts);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
}
