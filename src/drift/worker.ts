/** A worker thread that adds up the products of one matrix pair for each message that it gets. */
import { parentPort } from 'node:worker_threads';
import type { StoredMatrix } from '../weights/types.js';
import { neuronProducts, type Products } from './cosine.js';

export interface DriftTask {
  a: StoredMatrix;
  b: StoredMatrix;
  /** Shared memory, all zero. */
  into: Products;
}

/** `error` is the text for the user when the fault is in a file, `crash` a stack otherwise. */
export type DriftReply = { error?: string; crash?: string };

parentPort?.on('message', ({ a, b, into }: DriftTask) => {
  const reply: DriftReply = {};
  try {
    neuronProducts(a, b, into);
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') reply.error = error.message;
    else reply.crash = String((error as Error)?.stack ?? error);
  }
  parentPort?.postMessage(reply);
});
