import { existsSync, readdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeAtomicWith, writeFileAtomic } from '../formats/atomic.js';
import { fileError } from '../formats/file-error.js';
import { countHeld } from '../formats/float16.js';
import {
  layOutSafetensors,
  openSafetensors,
  type Safetensors,
  type TensorShape,
} from '../formats/safetensors.js';
import { FEATURE_DTYPES, type FeatureType, type WrittenFeatures } from './feature-file.js';
import { shardNames } from './shards.js';

/** What a shard says about itself; the rest of its metadata is that of the merged file. */
const ShardSchema = z
  .object({
    key: z.string(),
    model: z.string(),
    llama: z.string(),
    shard: z.string().regex(/^\d+\/\d+$/),
    rows: z.string().regex(/^\d+-\d+ of \d+$/),
  })
  .catchall(z.string());

/** All shards of one file, checked to belong together and to be complete. */
export interface ShardSet {
  /** Path of the merged file. */
  out: string;
  paths: string[];
  files: Safetensors[];
  type: FeatureType;
  /** Rows of the merged file. */
  rows: number;
  /** SHA-256 of the model, and the key of what the rows are made from. */
  model: string;
  key: string;
  shapes: Record<string, TensorShape>;
  metadata: Record<string, string>;
}

const CHUNK = 1 << 23;
/** So many missing shards are named. */
const NAMED = 10;

/**
 * Finds the shards of a file, beside where it will be, and checks that they are of one extraction and all there.
 * @param out path of the merged file
 * @throws UserError that says what is missing, half done, damaged or does not belong to the others.
 */
export async function openShards(out: string): Promise<ShardSet> {
  const paths = findShards(out);
  const files = await Promise.all(paths.map(openSafetensors));
  const told = files.map(({ path, metadata }) => {
    const parsed = ShardSchema.safeParse(metadata);
    if (!parsed.success)
      throw new UserError(`${path} is no shard of this version of hneurons; extract it again`);
    return parsed.data;
  });
  const [first] = told;
  const differ = (i: number, what: string) =>
    new UserError(
      `${paths[0]} and ${basename(paths[i])} do not belong together: ${what}; extract the older ones again`,
    );
  const REASONS: [field: string, what: string][] = [
    ['model', 'they are of different models'],
    ['key', 'they are made from different cases'],
    ['llama', 'they were read by different versions of llama.cpp'],
  ];
  const tensors = Object.entries(shapesOf(files[0]));
  const totalOf = ({ rows }: { rows: string }) => rows.split(' ').at(-1);
  let at = 0;
  told.forEach((one, i) => {
    for (const [field, what] of REASONS) if (one[field] !== first[field]) throw differ(i, what);
    const [from, to, total] = one.rows.match(/\d+/g)!.map(Number);
    const shapes = shapesOf(files[i]);
    const alike = tensors.every(([name, { shape, dtype }]) => {
      return shapes[name]?.shape[1] === shape[1] && shapes[name].dtype === dtype;
    });
    if (!alike || Object.keys(shapes).length !== tensors.length) {
      throw differ(i, 'they hold different tensors, or float16 and float32');
    }
    const whole = Object.values(shapes).every(({ shape }) => shape[0] === to - from);
    const end = i === told.length - 1 ? total : to;
    if (
      !whole ||
      one.shard !== `${i}/${told.length}` ||
      totalOf(one) !== totalOf(first) ||
      from !== at ||
      to !== end
    ) {
      throw differ(i, 'their rows do not follow one another');
    }
    at = to;
  });
  const { model, llama: _, shard: __, rows: ___, ...metadata } = first;
  const shapes = tensors.map(([name, { shape, dtype }]) => [name, { shape: [at, shape[1]], dtype }]);
  return {
    out,
    paths,
    files,
    type: tensors[0][1].dtype === FEATURE_DTYPES.float16 ? 'float16' : 'float32',
    rows: at,
    model,
    key: first.key,
    shapes: Object.fromEntries(shapes),
    metadata,
  };
}

/** Paths of all shards in order. */
function findShards(out: string): string[] {
  const stem = basename(out, '.safetensors');
  const folder = dirname(out);
  const pattern = /^\.shard-(\d+)-of-(\d+)(\.partial)?\.safetensors$/;
  const found = (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => name.startsWith(`${stem}.shard-`))
    .flatMap((name) => {
      const match = pattern.exec(name.slice(stem.length));
      return match ? [{ name, index: Number(match[1]), count: Number(match[2]), partial: !!match[3] }] : [];
    });
  const counts = [...new Set(found.map(({ count }) => count))].sort((a, b) => a - b);
  if (counts.length === 0) {
    throw new UserError(`there is no shard of ${out}; make them with: hneurons extract --shard 0/4, …`);
  }
  if (counts.length > 1) {
    throw new UserError(
      `${folder} holds shards of ${counts.join(' and of ')} parts; move those that do not belong here away`,
    );
  }
  const [count] = counts;
  const missing: string[] = [];
  const paths = Array.from({ length: count }, (_, index) => {
    const { path, partial } = shardNames(out, { index, count });
    if (!existsSync(path)) missing.push(`${index}${existsSync(partial) ? ' (half done)' : ''}`);
    return path;
  });
  if (missing.length > 0) {
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    throw new UserError(
      `of the ${count} shards of ${out}, ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing: ${missing.slice(0, NAMED).join(', ')}${more}; run: hneurons extract --shard ${Number.parseInt(missing[0], 10)}/${count}`,
    );
  }
  return paths;
}

function shapesOf({ path, tensors }: Safetensors): Record<string, TensorShape> {
  return Object.fromEntries(
    [...tensors].map(([name, { dtype, shape }]) => {
      if ((dtype !== 'F32' && dtype !== 'F16') || shape.length !== 2) {
        throw new UserError(`${path}: tensor ${JSON.stringify(name)} is ${dtype} [${shape}], not features`);
      }
      return [name, { shape, dtype }];
    }),
  );
}

/**
 * Writes the file that one extraction of all rows would have written, byte for byte, piece by piece: memory stays small. The
 * shards are left as they are.
 * @param donePath gets the list of rows, as extract keeps it
 * @throws UserError when a file cannot be read or written; an older merged file then stays.
 */
export async function mergeShards(
  { out, files, shapes, metadata, rows }: ShardSet,
  donePath: string,
  onProgress: (done: number, total: number) => void,
): Promise<WrittenFeatures> {
  const { header, total } = layOutSafetensors(shapes, metadata);
  const buffer = Buffer.alloc(CHUNK);
  let held = 0;
  await writeAtomicWith(out, async (file) => {
    await file.writeFile(header);
    let at = header.length;
    for (const [name, { dtype }] of Object.entries(shapes)) {
      for (const { path, tensors } of files) {
        const { offset, bytes } = tensors.get(name)!;
        for await (const piece of pieces(path, offset, bytes, buffer)) {
          if (dtype === 'F16') held += countHeld(new Uint16Array(piece.buffer, 0, piece.length / 2));
          await writeAll(file, piece, at);
          at += piece.length;
          onProgress(at, total);
        }
      }
    }
  });
  const lines = Array.from({ length: rows }, (_, row) => `{"row":${row}}\n`);
  await writeFileAtomic(donePath, lines.join(''));
  return { rows, held };
}

/** A part of a file, in pieces that share `buffer`. */
async function* pieces(path: string, from: number, bytes: number, buffer: Buffer): AsyncGenerator<Buffer> {
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    for (let done = 0; done < bytes; ) {
      const wanted = Math.min(buffer.length, bytes - done);
      let length = 0;
      while (length < wanted) {
        const { bytesRead } = await file
          .read(buffer, length, wanted - length, from + done + length)
          .catch((error) => {
            throw fileError(error, 'read', path);
          });
        if (bytesRead === 0) throw new UserError(`${path} ended while it was read; extract this shard again`);
        length += bytesRead;
      }
      yield buffer.subarray(0, wanted);
      done += wanted;
    }
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
