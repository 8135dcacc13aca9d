/** A worker thread that does its share of a pass or of a Gram matrix for each message that it gets. */
import { parentPort } from 'node:worker_threads';
import { type GramTask, gramRows } from './gram.js';
import type { FeatureMatrix } from './matrix.js';
import { type ScanTask, scanColumns } from './scan.js';

export type WorkerMessage =
  | { kind: 'scan'; matrix: FeatureMatrix; task: ScanTask; from: number; to: number }
  | { kind: 'gram'; task: GramTask; first: number; step: number };

/** `error` is the text for the user when the fault is theirs, `crash` a stack otherwise. */
export type WorkerReply = { error?: string; crash?: string };

parentPort?.on('message', (message: WorkerMessage) => {
  const reply: WorkerReply = {};
  try {
    if (message.kind === 'scan') scanColumns(message.matrix, message.task, message.from, message.to);
    else gramRows(message.task, message.first, message.step);
  } catch (error) {
    if (error instanceof Error && error.name === 'UserError') reply.error = error.message;
    else reply.crash = String((error as Error)?.stack ?? error);
  }
  parentPort?.postMessage(reply);
});
