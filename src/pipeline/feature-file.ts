import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Engine, ModelInfo, ReadCase, ReadResult } from '../engine/types.js';
import { UserError } from '../errors.js';
import { openJsonlWriter } from '../formats/jsonl.js';
import {
  createSafetensors,
  openSafetensors,
  type SafetensorsWriter,
  type TensorShape,
} from '../formats/safetensors.js';
import { ROW_BYTES, type RowMatrix } from '../learn/matrix.js';
import { guardCallbacks } from './context.js';
import { planBlocks, planPrefix, type ReadPlan } from './read-plan.js';
import { recordLines } from './records.js';

export type FeatureType = 'float32' | 'float16';

export const FEATURE_DTYPES = { float32: 'F32', float16: 'F16' } as const;

/** A row that is on the disk. */
const DoneSchema = z.object({
  row: z.int(),
  /** How many of its numbers are too large for float16 and stand at its limit. */
  held: z.int().optional(),
});

/** Where features go, and as what. */
export interface FeatureTarget {
  path: string;
  /** Lists the rows that are on the disk already. */
  donePath: string;
  type: FeatureType;
  /** What the rows are made from; a file with other metadata is not continued. */
  metadata: Record<string, string>;
  /** The rows of the plan that belong into this file, default all: whole blocks of {@link planBlocks}. */
  range?: [from: number, to: number];
}

export interface WrittenFeatures {
  rows: number;
  /** Numbers too large for float16, which stand at +-65504. */
  held: number;
}

/**
 * Reads what a plan wants, into a safetensors file with a row for each of its rows: mean CETT `[rows, layers * ffn]` in each
 * tensor of the plan, and the residual stream `[rows, layers * hidden]`. Rows are written as they come; called again after
 * it was cut off, it goes on with the blocks that are not done.
 *
 * @throws UserError when the disk is full, a file of another kind is in the way, or the engine fails.
 */
export async function writePlan(
  engine: Engine,
  plan: ReadPlan,
  target: FeatureTarget,
  onProgress: (done: number, total: number) => void,
): Promise<WrittenFeatures> {
  const { path, donePath, range = [0, plan.rows.length] } = target;
  const [first, last] = range;
  const total = last - first;
  if (!existsSync(path)) await rm(donePath, { force: true });
  const { shapes, metadata } = featureLayout(engine.model, plan, target);
  const features = await createSafetensors(path, shapes, metadata);
  const prefix = planPrefix(plan);
  const done = await readDone(donePath, total);
  const left = planBlocks(plan, prefix.length).filter(([from, to]) => {
    if (from < first || to > last) return false;
    const rows = Array.from({ length: to - from }, (_, i) => from - first + i);
    if (rows.every((row) => done.has(row))) return false;
    for (const row of rows) done.delete(row);
    return true;
  });
  const writer = openJsonlWriter(donePath);
  try {
    onProgress(done.size, total);
    for (const block of left) {
      await readBlock(engine, plan, block, prefix, features, first, (row, held) => {
        writer.append(held > 0 ? { row, held } : { row });
        done.set(row, held);
        onProgress(done.size, total);
      });
    }
    features.sync();
  } finally {
    writer.close();
    features.close();
  }
  return { rows: total, held: [...done.values()].reduce((sum, held) => sum + held, 0) };
}

/** Reads one block and writes its rows. `first`: the row of the plan that is row 0 of the file. */
async function readBlock(
  engine: Engine,
  plan: ReadPlan,
  [from, to]: [number, number],
  prefix: Int32Array,
  features: SafetensorsWriter,
  first: number,
  onRow: (row: number, held: number) => void,
): Promise<void> {
  const reads = plan.rows.slice(from, to).flatMap((list, i) => {
    return list.map((read) => ({ ...read, row: from - first + i }));
  });
  const waiting = plan.rows.slice(from, to).map((list) => list.length);
  const held = new Array<number>(to - from).fill(0);
  const { guard, rethrow } = guardCallbacks();
  let cursor = 0;
  try {
    await engine.read({
      prefix,
      residual: plan.residual ? 0 : undefined,
      next: guard((): ReadCase | undefined => {
        if (cursor >= reads.length) return undefined;
        const { tokens, masks } = reads[cursor];
        // Cases of a user's file may share an id: the place in the block is the name.
        return { id: String(cursor++), tokens, masks };
      }, undefined),
      onResult: guard(({ id, means, residual }: ReadResult) => {
        const { into, row } = reads[Number(id)];
        const place = row + first - from;
        into.forEach((name, mask) => {
          held[place] += features.writeRow(name, row, means[mask]);
        });
        if (plan.residual) held[place] += features.writeRow('residual', row, residual!);
        waiting[place]--;
        if (waiting[place] === 0) onRow(row, held[place]);
      }, undefined),
    });
    rethrow();
  } catch (error) {
    rethrow();
    throw error;
  }
}

/** The tensors of a file of features and what it says about them. */
export function featureLayout(
  { layers, ffn, hidden }: Pick<ModelInfo, 'layers' | 'ffn' | 'hidden'>,
  plan: ReadPlan,
  { type, metadata, range = [0, plan.rows.length] }: Pick<FeatureTarget, 'type' | 'metadata' | 'range'>,
): { shapes: Record<string, TensorShape>; metadata: Record<string, string> } {
  const rows = range[1] - range[0];
  const dtype = FEATURE_DTYPES[type];
  const shapes: Record<string, TensorShape> = {};
  for (const name of plan.tensors) shapes[name] = { shape: [rows, layers * ffn], dtype };
  if (plan.residual) shapes.residual = { shape: [rows, layers * hidden], dtype };
  const sizes = { layers: String(layers), ffn: String(ffn), hidden: String(hidden) };
  return { shapes, metadata: { ...metadata, ...sizes } };
}

async function readDone(path: string, rows: number): Promise<Map<number, number>> {
  const done = new Map<number, number>();
  if (!existsSync(path)) return done;
  const what = 'not the number of a row; delete the file and run extract again';
  for await (const { row, held = 0 } of recordLines(path, DoneSchema, what, { ignoreTorn: true })) {
    if (row < rows) done.set(row, held);
  }
  return done;
}

/**
 * Whether the graph of this model has the nodes that the residual stream is read from: read from one token.
 */
export async function showsResidual(engine: Engine): Promise<boolean> {
  let shown = false;
  let asked = false;
  await engine.read({
    residual: 0,
    next: () => {
      if (asked) return undefined;
      asked = true;
      return { id: 'first', tokens: [0], masks: [[[0, 1]]] };
    },
    onResult: ({ residual }) => {
      shown = residual !== undefined;
    },
  });
  return shown;
}

/** The names of the tensors in a feature file. */
export async function tensorNames(path: string): Promise<Set<string>> {
  return new Set((await openSafetensors(path)).tensors.keys());
}

/**
 * Opens tensors of a file written by {@link writePlan}, each with its expected number of columns.
 * @throws UserError when it is damaged, lacks a tensor or has another shape.
 */
export async function openRows<T extends string>(
  path: string,
  rows: number,
  columns: Record<T, number>,
): Promise<Record<T, RowMatrix>> {
  const { tensors } = await openSafetensors(path);
  const matrices = Object.entries<number>(columns).map(([name, width]): [string, RowMatrix] => {
    const tensor = tensors.get(name);
    const dtype = tensor?.dtype;
    if ((dtype !== 'F32' && dtype !== 'F16') || tensor!.shape.join() !== `${rows},${width}`) {
      throw new UserError(
        `${path} does not hold ${rows} x ${width} features "${name}" of this version; run extract again`,
      );
    }
    const bytes = width * ROW_BYTES[dtype];
    const offsets = Float64Array.from({ length: rows }, (_, row) => tensor!.offset + row * bytes);
    return [name, { path, columns: width, dtype, offsets }];
  });
  return Object.fromEntries(matrices) as Record<T, RowMatrix>;
}
