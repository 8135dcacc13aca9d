import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { UserError } from '../../errors.js';
import type { Metadata } from './types.js';
import { numberAt } from './values.js';

/** More parts than any model has; a damaged count must not make a long list of names. */
const MAX_PARTS = 1000;

/**
 * Paths of the other parts of a split model, in order; empty where the model is in one file. llama.cpp names the parts
 * NAME-00001-of-00003.gguf and so on, and loads them all when it is given the first.
 *
 * @throws UserError where `path` is not the first part, the name does not follow that pattern, or a part is missing.
 */
export function otherParts(path: string, metadata: Metadata): string[] {
  const count = numberAt(metadata, 'split.count') ?? 1;
  if (count <= 1) return [];
  if (count > MAX_PARTS) {
    throw new UserError(`${path}: the file is damaged: it claims to be one of ${count} parts`);
  }
  const number = (numberAt(metadata, 'split.no') ?? 0) + 1;
  const ending = partEnding(number, count);
  if (!path.endsWith(ending)) {
    throw new UserError(
      `${path}: part ${number} of a model in ${count} files, whose name must end in ${ending}; give all parts their original names`,
    );
  }
  const stem = path.slice(0, -ending.length);
  if (number !== 1) {
    const first = basename(stem + partEnding(1, count));
    throw new UserError(`${path}: part ${number} of ${count} of a model; name the first part, ${first}`);
  }
  const parts: string[] = [];
  for (let part = 2; part <= count; part++) {
    const file = stem + partEnding(part, count);
    if (!existsSync(file)) {
      throw new UserError(
        `${path}: the model is in ${count} files, but ${basename(file)} is missing; download it to the same folder`,
      );
    }
    parts.push(file);
  }
  return parts;
}

function partEnding(number: number, count: number): string {
  const pad = (n: number) => String(n).padStart(5, '0');
  return `-${pad(number)}-of-${pad(count)}.gguf`;
}
