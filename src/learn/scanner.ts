import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { allOf, askWorker } from '../threads/ask.js';
import type { GramTask } from './gram.js';
import type { KernelTask } from './kernel.js';
import { type DenseMatrix, type FeatureMatrix, isDense, ROW_BYTES, rowCount } from './matrix.js';
import type { Gather, ScanTask } from './scan.js';
import { doShare, type ProductShare, type WorkerMessage } from './share.js';

export interface ScanRequest {
  vectors?: Float64Array[];
  /** Shared memory for the products; default: fresh. */
  products?: Float64Array[];
  gathers?: Gather[];
  moments?: boolean;
  keep?: DenseMatrix;
}

export interface ScanResult {
  /** X^T r of each vector, `[columns]`. */
  products: Float64Array[];
  moments?: { sums: Float64Array; squares: Float64Array };
}

/** One pass over a matrix in a file. */
export interface Pass {
  bytes: number;
  seconds: number;
}

/** Passes over matrices, Gram matrices and kernels, split over worker threads where that pays. */
export interface Scanner {
  scan(matrix: FeatureMatrix, request: ScanRequest): Promise<ScanResult>;
  gram(task: GramTask): Promise<void>;
  kernel(task: KernelTask): Promise<void>;
  close(): Promise<void>;
}

/** Multiplications below which asking threads costs more than it saves, and below which starting them does. */
const SMALL = 1 << 21;
const SMALL_FOR_START = 1 << 26;

export function sharedFloats(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

/**
 * A scanner with up to `threads` worker threads (default: one per core), which start at the first large pass. Passes of one
 * scanner run one after another. `signal` ends a pass that waits for workers, with the signal's reason.
 */
export function createScanner({
  threads = availableParallelism(),
  smallest,
  signal,
  onPass,
}: {
  threads?: number;
  /** Multiplications from which a pass is given to threads; the default weighs the cost of asking and starting them. */
  smallest?: number;
  signal?: AbortSignal;
  /** Called after each pass over a matrix that is read from its file. */
  onPass?: (pass: Pass) => void;
} = {}): Scanner {
  let workers: Worker[] = [];
  let last: Promise<unknown> = Promise.resolve();

  /** Workers for an amount of work; none when it is better done here. */
  const hire = (work: number, wanted: number): Worker[] | undefined => {
    const worth = smallest ?? (workers.length > 0 ? SMALL : SMALL_FOR_START);
    if (threads === 1 || work < worth) return undefined;
    while (workers.length < wanted) workers.push(startWorker());
    return workers.slice(0, wanted);
  };

  const scan = async (matrix: FeatureMatrix, request: ScanRequest): Promise<ScanResult> => {
    signal?.throwIfAborted();
    const start = performance.now();
    const { columns } = matrix;
    const vectors = request.vectors ?? [];
    const moments = request.moments
      ? { sums: sharedFloats(columns), squares: sharedFloats(columns) }
      : undefined;
    const products = request.products ?? vectors.map(() => sharedFloats(columns));
    const task: ScanTask = { vectors, products, gathers: request.gathers ?? [], moments, keep: request.keep };
    const work = rowCount(matrix) * columns * Math.max(1, vectors.length);
    // Reading a file leaves cores waiting, so there is a second thread for each.
    const team = hire(work, isDense(matrix) ? threads : 2 * threads);
    if (!team) doShare({ kind: 'scan', matrix, task, from: 0, to: columns });
    else {
      const shares = split(columns, team.length);
      await allOf(
        shares.map(([from, to], i) =>
          askWorker<WorkerMessage>(team[i], { kind: 'scan', matrix, task, from, to }, signal),
        ),
      );
    }
    if (onPass && !isDense(matrix)) {
      const bytes = rowCount(matrix) * columns * ROW_BYTES[matrix.dtype ?? 'F32'];
      onPass({ bytes, seconds: (performance.now() - start) / 1000 });
    }
    return { products, moments };
  };
  const products = async (share: ProductShare, work: number): Promise<void> => {
    signal?.throwIfAborted();
    const team = hire(work, threads);
    if (!team) doShare({ ...share, first: 0, step: 1 });
    else {
      await allOf(
        team.map((worker, first) =>
          askWorker<WorkerMessage>(worker, { ...share, first, step: team.length }, signal),
        ),
      );
    }
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
  return {
    scan: (matrix, request) => inTurn(() => scan(matrix, request)),
    gram: (task) =>
      inTurn(() => products({ kind: 'gram', task }, (task.rows * (task.size ** 2 - task.from ** 2)) / 2)),
    kernel: (task) => inTurn(() => products({ kind: 'kernel', task }, (task.width * task.rows ** 2) / 2)),
    async close() {
      const ended = workers;
      workers = [];
      await Promise.all(ended.map((worker) => worker.terminate()));
    },
  };
}

function startWorker(): Worker {
  const worker = new Worker(new URL('./scan-worker.js', import.meta.url), { execArgv: [] });
  // An idle worker is no reason for the program to stay.
  worker.unref();
  return worker;
}

function split(columns: number, parts: number): [number, number][] {
  // Borders at multiples of 16 floats: no two threads write to one cache line.
  const width = 16 * Math.ceil(columns / parts / 16);
  const ranges: [number, number][] = [];
  for (let from = 0; from < columns; from += width) ranges.push([from, Math.min(columns, from + width)]);
  return ranges;
}
