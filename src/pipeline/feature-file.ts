import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { z } from 'zod';
import { commonPrefix } from '../engine/text/prompt.js';
import type { Engine, ReadCase } from '../engine/types.js';
import { UserError } from '../errors.js';
import { openJsonlWriter, readJsonl } from '../formats/jsonl.js';
import { createSafetensors, openSafetensors } from '../formats/safetensors.js';
import type { RowMatrix } from '../learn/matrix.js';
import { guardCallbacks } from './context.js';

/** A token sequence with the positions of its answer, `answer_end` not included. */
export interface ReadableCase {
  id: string;
  token_ids: ArrayLike<number>;
  answer_start: number;
  answer_end: number;
}

const DoneSchema = z.object({ row: z.int() });

/**
 * Reads mean CETT of every neuron over the answer tokens and over all other tokens (method.md section 3), into a
 * safetensors file of two tensors, `answer` and `other`, float32 `[cases, layers * ffn]`. Rows are written as they
 * come, and `donePath` lists those that are on the disk: called again, it goes on with the missing ones.
 *
 * @param key names what the rows were made from; a file with another key is not continued.
 * @throws UserError when the disk is full, a file of another kind is in the way, or the engine fails.
 */
export async function writeFeatures(options: {
  engine: Engine;
  cases: ReadableCase[];
  path: string;
  donePath: string;
  key: string;
  onProgress: (done: number, total: number) => void;
}): Promise<void> {
  const { engine, cases, path, donePath } = options;
  const columns = engine.model.layers * engine.model.ffn;
  const shape = [cases.length, columns];
  if (!existsSync(path)) await rm(donePath, { force: true });
  const features = await createSafetensors(
    path,
    { answer: { shape }, other: { shape } },
    { key: options.key, layers: String(engine.model.layers), ffn: String(engine.model.ffn) },
  );
  const done = await readDone(donePath, cases.length);
  const writer = openJsonlWriter(donePath);
  const { guard, rethrow } = guardCallbacks();
  const rows = new Map<string, number>();
  let cursor = 0;
  options.onProgress(done.size, cases.length);
  try {
    const left = cases.filter((_, row) => !done.has(row)).map((one) => one.token_ids);
    if (left.length > 0) {
      await engine.read({
        prefix: commonPrefix(left),
        next: guard((): ReadCase | undefined => {
          while (done.has(cursor)) cursor++;
          if (cursor >= cases.length) return undefined;
          const one = cases[cursor];
          const { length } = one.token_ids;
          // Cases of a user's file may share an id: the row is the name.
          const id = String(cursor);
          rows.set(id, cursor++);
          return {
            id,
            tokens: one.token_ids,
            masks: [
              [[one.answer_start, one.answer_end]],
              [
                [0, one.answer_start],
                [one.answer_end, length],
              ],
            ],
          };
        }, undefined),
        onResult: guard(({ id, means }) => {
          const row = rows.get(id)!;
          features.writeRow('answer', row, means[0]);
          features.writeRow('other', row, means[1]);
          writer.append({ row });
          done.add(row);
          options.onProgress(done.size, cases.length);
        }, undefined),
      });
      rethrow();
    }
    features.sync();
  } catch (error) {
    rethrow();
    throw error;
  } finally {
    writer.close();
    features.close();
  }
}

async function readDone(path: string, rows: number): Promise<Set<number>> {
  const done = new Set<number>();
  if (!existsSync(path)) return done;
  for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
    const { row } = DoneSchema.parse(value);
    if (row < rows) done.add(row);
  }
  return done;
}

/** The two tensors of a feature file, with a row for each case. */
export interface FeatureRows {
  answer: RowMatrix;
  other: RowMatrix;
}

/**
 * Opens a file written by {@link writeFeatures}.
 * @throws UserError when it is damaged or of another shape.
 */
export async function openFeatures(path: string, rows: number, columns: number): Promise<FeatureRows> {
  const { tensors } = await openSafetensors(path);
  const matrix = (name: string): RowMatrix => {
    const tensor = tensors.get(name);
    if (tensor?.dtype !== 'F32' || tensor.shape.join() !== `${rows},${columns}`) {
      throw new UserError(`${path} does not hold ${rows} x ${columns} features; run extract again`);
    }
    const offsets = Float64Array.from({ length: rows }, (_, row) => tensor.offset + row * columns * 4);
    return { path, columns, offsets };
  };
  return { answer: matrix('answer'), other: matrix('other') };
}
