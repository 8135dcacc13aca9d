/** A worker thread that scans a range of columns for each message that it gets. */
import { parentPort } from 'node:worker_threads';
import type { FeatureMatrix } from './matrix.js';
import { type ScanTask, scanColumns } from './scan.js';

export interface ScanMessage {
  matrix: FeatureMatrix;
  task: ScanTask;
  from: number;
  to: number;
}

/** `error` is the text for the user when the fault is theirs, `crash` a stack otherwise. */
export type ScanReply = { error?: string; crash?: string };

parentPort?.on('message', ({ matrix, task, from, to }: ScanMessage) => {
  const reply: ScanReply = {};
  try {
    scanColumns(matrix, task, from, to);
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') reply.error = error.message;
    else reply.crash = String((error as Error)?.stack ?? error);
  }
  parentPort?.postMessage(reply);
});
