import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { duplicateKey } from '../formats/json-keys.js';
import { openSafetensors, type SafetensorsType } from '../formats/safetensors.js';
import { readTextFile } from '../formats/text-file.js';
import { isSafeName } from '../models/hubPath.js';

/** A tensor of a checkpoint and the file that holds it. */
export interface CheckpointTensor {
  name: string;
  file: string;
  dtype: SafetensorsType;
  shape: number[];
  offset: number;
}

const IndexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });
/** What a checkpoint's only file is called, and the list of its shards. */
export const SINGLE = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** The folder of a checkpoint, where its config.json and tokenizer.json lie. */
export function checkpointFolder(path: string): string {
  return statSync(path).isDirectory() ? path : dirname(path);
}

/**
 * The tensors of a safetensors checkpoint: a single file, an index of shards, or a folder with either.
 * @throws UserError when there is none, a shard is missing or truncated, or the index names a tensor that its shard lacks.
 */
export async function checkpointTensors(path: string): Promise<Map<string, CheckpointTensor>> {
  const main = mainFile(path);
  const tensors = new Map<string, CheckpointTensor>();
  if (!main.endsWith('.json')) {
    await addTensors(tensors, main);
    return tensors;
  }
  const index = shardsInIndex(await readJson(main), main);
  const shards = [...new Set(Object.values(index))].sort();
  const missing = shards.filter((name) => !existsSync(join(dirname(main), name)));
  if (missing.length > 0) {
    throw new UserError(
      `${path}: ${missing.length} of ${shards.length} shards are missing (${missing[0]}); download the checkpoint again`,
    );
  }
  for (const shard of shards) await addTensors(tensors, join(dirname(main), shard));
  const absent = Object.entries(index).find(([name]) => !tensors.has(name));
  if (absent) {
    throw new UserError(
      `${path}: the index says that ${absent[0]} is in ${absent[1]}, which lacks it; download it again`,
    );
  }
  return tensors;
}

/**
 * The file of each tensor, by the content of an index.
 * @param where the index, for messages
 * @throws UserError when it is none, or names a file that is not beside it.
 */
export function shardsInIndex(content: unknown, where: string): Record<string, string> {
  const index = IndexSchema.safeParse(content);
  if (!index.success) throw new UserError(`${where} is no index of shards: it has no weight_map`);
  const outside = Object.values(index.data.weight_map).find((name) => !isSafeName(name));
  if (outside !== undefined) {
    throw new UserError(
      `${where} names ${JSON.stringify(outside)} as a shard; shards are files beside the index, so it is not read`,
    );
  }
  return index.data.weight_map;
}

async function addTensors(tensors: Map<string, CheckpointTensor>, file: string): Promise<void> {
  for (const [name, { dtype, shape, offset }] of (await openSafetensors(file)).tensors) {
    tensors.set(name, { name, file, dtype, shape, offset });
  }
}

function mainFile(path: string): string {
  if (!existsSync(path)) throw new UserError(`there is no file or folder ${path}`);
  if (!statSync(path).isDirectory()) return path;
  for (const name of [SINGLE, INDEX]) {
    if (existsSync(join(path, name))) return join(path, name);
  }
  throw new UserError(
    `${path} holds neither ${SINGLE} nor ${INDEX}; name a safetensors checkpoint or a GGUF file`,
  );
}

/** @throws UserError when the file cannot be read or is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${path} is not valid JSON`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new UserError(`${path}: an object in it has ${JSON.stringify(twice)} twice`);
  return value;
}
