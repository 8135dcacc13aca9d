import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { hasLayout } from '../formats/safetensors.js';
import { type FeatureType, featureLayout, type WrittenFeatures, writePlan } from './feature-file.js';
import { lockFile } from './lock.js';
import { planBlocks, planPrefix, type ReadPlan } from './read-plan.js';
import { previousName } from './run-folder.js';

/** One of several parts of an extraction that run by themselves, on one machine or on many. */
export interface Shard {
  /** From 0. */
  index: number;
  count: number;
}

export interface ShardNames {
  /** Whole. */
  path: string;
  /** Half done, with the list of its rows. */
  partial: string;
  done: string;
}

/** The files of a shard. `out`: the path of the merged file, `….safetensors`. */
export function shardNames(out: string, { index, count }: Shard): ShardNames {
  const stem = `${out.replace(/\.safetensors$/, '')}.shard-${index}-of-${count}`;
  return {
    path: `${stem}.safetensors`,
    partial: `${stem}.partial.safetensors`,
    done: `${stem}.done.jsonl`,
  };
}

/**
 * Takes a shard for this process, and clears away what a killed one was just writing.
 * @returns a function that gives it back.
 * @throws UserError when a living process works on the same shard.
 */
export function lockShard(out: string, shard: Shard): () => void {
  const { path, partial } = shardNames(out, shard);
  const folder = dirname(path);
  try {
    const release = lockFile(path.replace(/safetensors$/, 'lock'), `shard ${shard.index} of ${shard.count}`);
    for (const name of readdirSync(folder)) {
      if (name.startsWith(`.${basename(partial)}.`)) rmSync(join(folder, name), { force: true });
    }
    return release;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write to ${folder}: ${(error as Error).message}`, { cause: error });
  }
}

/** The rows of a plan that belong to a shard: whole blocks, as many as the others have or one less. */
export function shardRange(plan: ReadPlan, { index, count }: Shard): [from: number, to: number] {
  const blocks = planBlocks(plan, planPrefix(plan).length);
  const at = (shard: number) => {
    const block = Math.floor((shard * blocks.length) / count);
    return block < blocks.length ? blocks[block][0] : plan.rows.length;
  };
  return [at(index), at(index + 1)];
}

/**
 * Reads one shard of a plan into a file of its own; `merge` puts them together. While it is half done the file is called
 * `….partial.safetensors`; a shard that was cut off goes on, a finished one is left as it is. Files of the same name that were
 * made from something else are moved aside, with a note.
 * @throws UserError as {@link writePlan} does.
 */
export async function writeShard(options: {
  engine: Engine;
  plan: ReadPlan;
  /** Path of the merged file. */
  out: string;
  shard: Shard;
  type: FeatureType;
  /** What the merged file will say about itself, and the hash of the model. */
  metadata: Record<string, string>;
  modelHash: string;
  onProgress(done: number, total: number): void;
  onNotice(message: string): void;
}): Promise<WrittenFeatures> {
  const { engine, plan, shard, type, onProgress, onNotice } = options;
  const names = shardNames(options.out, shard);
  const range = shardRange(plan, shard);
  const target = {
    path: names.partial,
    donePath: names.done,
    type,
    range,
    metadata: {
      ...options.metadata,
      model: options.modelHash,
      llama: engine.model.libraryVersion,
      shard: `${shard.index}/${shard.count}`,
      rows: `${range[0]}-${range[1]} of ${plan.rows.length}`,
    },
  };
  const { shapes, metadata } = featureLayout(engine.model, plan, target);
  if (await hasLayout(names.path, shapes, metadata)) {
    const rows = range[1] - range[0];
    onProgress(rows, rows);
    return { rows, held: 0 };
  }
  for (const path of [names.path, names.partial]) {
    if (!existsSync(path) || (path === names.partial && (await hasLayout(path, shapes, metadata)))) continue;
    renameSync(path, previousName(path));
    onNotice(`${path} was made from something else: it is kept as ${basename(previousName(path))}`);
  }
  const written = await writePlan(engine, plan, target, onProgress);
  renameSync(names.partial, names.path);
  rmSync(names.done, { force: true });
  return written;
}
