/** A worker thread that does its share of a pass or of products for each message that it gets. */
import { parentPort } from 'node:worker_threads';
import { doShare, type WorkerMessage, type WorkerReply } from './share.js';

parentPort?.on('message', (message: WorkerMessage) => {
  const reply: WorkerReply = {};
  try {
    doShare(message);
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') reply.error = error.message;
    else reply.crash = String((error as Error)?.stack ?? error);
  }
  parentPort?.postMessage(reply);
});
