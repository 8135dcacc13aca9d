import type { Metadata } from '../gguf/types.js';
import { numberAt } from '../gguf/values.js';
import type { ModelInfo } from '../types.js';

/**
 * How large contexts may be: a pure function of the model's shape, the memory of each device, and the kind of job.
 *
 * In host memory the process stays within the weights + 1 GiB, or + the limit that the user sets. llama.cpp allocates logits for
 * every output row twice (compute buffer and result): on a vocabulary of 262,144 that is 2 MiB a row. On a GPU the budget is
 * the memory that is free beside the weights.
 */

/** What a context is for. `read` and `score` use a float32 cache and plain attention, and so does `live-exact`. */
export type Job = 'read' | 'score' | 'sample' | 'live' | 'live-exact';

export interface ModelShape {
  layers: number;
  hidden: number;
  ffn: number;
  vocab: number;
  heads: number;
  /** Values of one cell of the KV cache in one layer. */
  cellValues: number;
}

/** One GPU. Memory in bytes. */
export interface GpuMemory {
  /** Layers of the model on it. */
  layers: number;
  /** True for the one with the output matrix. */
  output: boolean;
  weights: number;
  /** Free before the weights are loaded. */
  free: number;
}

export interface MemoryPlan {
  gpus: readonly GpuMemory[];
  /** Layers in host memory. */
  hostLayers: number;
  /** Bytes beside the weights that the user allows, over all devices; undefined: the default. */
  limit?: number;
  /** llama.cpp's limit on sequences of a context. */
  maxSequences: number;
}

export interface Budget {
  /** KV cells. */
  cells: number;
  /** Rows of one decode. */
  rows: number;
  /** Rows whose logits may be asked for in one decode. */
  outputs: number;
  /** Sequences of a sampling context beside the prefix. */
  sequences: number;
}

const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Shares of the host's limit. */
const LOGIT_SHARE = 3 / 16;
const KV_SHARE = 1 / 4;
/** Most cells in host memory for each GiB of the limit. */
const HOST_CELLS: Record<Job, number> = {
  read: 4096,
  score: 4096,
  sample: 16384,
  live: 16384,
  'live-exact': 16384,
};
/** Most cells on a GPU: what the most sequences at once can use. A live session asks for no more than it needs. */
const GPU_CELLS: Record<Job, number> = {
  read: 16384,
  score: 16384,
  sample: 131072,
  live: 2 ** 20,
  'live-exact': 2 ** 20,
};
const MIN_CELLS = 1024;
/** llama.cpp's own default; more make a GPU hardly faster, as what is read goes through JavaScript. */
const MAX_ROWS = 512;
const MIN_ROWS = 16;
/** Rows of a live decode in host memory; more would make a prompt hardly faster. */
const HOST_LIVE_ROWS = 256;
const MAX_SEQUENCES = 255;
/** A live session and one other job may have a context at the same time. */
const JOB_SHARE = 1 / 2;
/** Share of that for logits, and as much again for activations. */
const ROW_SHARE = 1 / 4;
/** Left free on a GPU, for the driver and its kernels. */
const RESERVE_BYTES = 512 * MIB;
const RESERVE_SHARE = 0.05;
const FLOAT_BYTES = 4;

const isExact = (job: Job) => job === 'read' || job === 'score' || job === 'live-exact';

export function planBudget(shape: ModelShape, plan: MemoryPlan, job: Job): Budget {
  return plan.gpus.some(({ layers, output }) => layers > 0 || output)
    ? gpuBudget(shape, plan, job)
    : hostBudget(shape, plan, job);
}

function hostBudget(shape: ModelShape, plan: MemoryPlan, job: Job): Budget {
  const limit = plan.limit ?? GIB;
  const outputs = rowsWithin(limit * LOGIT_SHARE, shape.vocab * FLOAT_BYTES);
  const sequences = Math.min(plan.maxSequences - 1, MAX_SEQUENCES, outputs);
  const most = Math.max(MIN_CELLS, Math.floor((HOST_CELLS[job] * limit) / GIB));
  return {
    cells: Math.max(MIN_CELLS, Math.min(most, hostCells(shape, shape.layers, limit, job))),
    rows: job === 'sample' ? Math.max(sequences, HOST_LIVE_ROWS) : isLive(job) ? HOST_LIVE_ROWS : outputs,
    outputs,
    sequences,
  };
}

const isLive = (job: Job) => job === 'live' || job === 'live-exact';

function hostCells(shape: ModelShape, layers: number, limit: number, job: Job): number {
  return Math.floor((limit * KV_SHARE) / (layers * shape.cellValues * cellBytes(job)));
}

const cellBytes = (job: Job) => (isExact(job) ? FLOAT_BYTES : FLOAT_BYTES / 2);

function gpuBudget(shape: ModelShape, plan: MemoryPlan, job: Job): Budget {
  const { vocab, heads, cellValues } = shape;
  const used = plan.gpus.filter(({ layers, output }) => layers > 0 || output);
  const onGpus = used.reduce((sum, { layers }) => sum + layers, 0);
  const room = used.map((gpu) => {
    const free = gpu.free - gpu.weights - Math.max(RESERVE_BYTES, gpu.free * RESERVE_SHARE);
    const share = onGpus > 0 ? gpu.layers / onGpus : 1;
    const allowed = plan.limit === undefined ? free : Math.min(free, plan.limit * share);
    return Math.max(0, allowed * JOB_SHARE);
  });
  const activations = (4 * shape.ffn + 16 * shape.hidden) * FLOAT_BYTES;
  const outputRoom = used.some(({ output }) => output)
    ? room[used.findIndex(({ output }) => output)] * ROW_SHARE
    : (plan.limit ?? GIB) * LOGIT_SHARE;
  const outputs = powerOfTwo(rowsWithin(outputRoom, vocab * FLOAT_BYTES));
  const fitting = powerOfTwo(Math.min(...room.map((bytes) => rowsWithin(bytes * ROW_SHARE, activations))));
  // Reading and scoring want the logits of all rows.
  const rows = job === 'read' || job === 'score' ? Math.min(fitting, outputs) : fitting;
  const sequences = Math.min(plan.maxSequences - 1, MAX_SEQUENCES, outputs);
  // Plain attention holds a score for each head, row and cell, before softmax and after it; any holds a mask.
  const rowCell = (isExact(job) ? 2 * heads + 1 : 1) * FLOAT_BYTES;
  const cells = used.map(({ layers, output }, i) => {
    if (layers === 0) return Number.POSITIVE_INFINITY;
    const taken = rows * activations + (output ? outputs * vocab * FLOAT_BYTES : 0);
    return (room[i] - taken) / (layers * cellValues * cellBytes(job) + rows * rowCell);
  });
  if (plan.hostLayers > 0) cells.push(hostCells(shape, plan.hostLayers, plan.limit ?? GIB, job));
  const affordable = Math.min(...cells, GPU_CELLS[job]);
  return {
    cells: Math.max(MIN_CELLS, isLive(job) ? Math.floor(affordable / 1024) * 1024 : powerOfTwo(affordable)),
    rows,
    outputs: Math.min(rows, outputs),
    sequences: Math.min(sequences, rows),
  };
}

/** Rows of `bytes` each within a budget. */
function rowsWithin(budget: number, bytes: number): number {
  return Math.max(MIN_ROWS, Math.min(MAX_ROWS, Math.floor(budget / bytes)));
}

/** The largest power of two up to `value`: free memory varies by some MB, and the size of a batch enters the results. */
function powerOfTwo(value: number): number {
  return value < 1 ? 0 : 2 ** Math.floor(Math.log2(value));
}

/** What of a model's file decides how much memory a context takes. */
export function shapeOf(info: ModelInfo, metadata: Metadata): ModelShape {
  const { architecture, layers, hidden, ffn, vocab } = info;
  const heads = numberAt(metadata, `${architecture}.attention.head_count`) ?? 1;
  const headSize = Math.ceil(hidden / heads);
  const kvHeads = numberAt(metadata, `${architecture}.attention.head_count_kv`) ?? heads;
  const key = numberAt(metadata, `${architecture}.attention.key_length`) ?? headSize;
  const value = numberAt(metadata, `${architecture}.attention.value_length`) ?? headSize;
  return { layers, hidden, ffn, vocab, heads, cellValues: kvHeads * (key + value) };
}
