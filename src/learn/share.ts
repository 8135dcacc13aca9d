import { type GramTask, gramRows } from './gram.js';
import { type KernelTask, kernelRows } from './kernel.js';
import type { FeatureMatrix } from './matrix.js';
import { type ScanTask, scanColumns } from './scan.js';

/** Products that are split into every `step`-th group of rows, from `first`. */
export type ProductShare = { kind: 'gram'; task: GramTask } | { kind: 'kernel'; task: KernelTask };

/** One thread's share of a pass or of products. */
export type WorkerMessage =
  | { kind: 'scan'; matrix: FeatureMatrix; task: ScanTask; from: number; to: number }
  | (ProductShare & { first: number; step: number });

export function doShare(message: WorkerMessage): void {
  if (message.kind === 'scan') scanColumns(message.matrix, message.task, message.from, message.to);
  else if (message.kind === 'gram') gramRows(message.task, message.first, message.step);
  else kernelRows(message.task, message.first, message.step);
}
