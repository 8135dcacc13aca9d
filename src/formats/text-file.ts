import { readFile, stat } from 'node:fs/promises';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';

/** Maximum size of a text file that is held in memory as a whole. */
const MAX_BYTES = 256 << 20;

/**
 * The text of a UTF-8 file of at most 256 MiB.
 * @throws UserError when it is larger or cannot be read
 */
export async function readTextFile(path: string): Promise<string> {
  try {
    if ((await stat(path)).size > MAX_BYTES)
      throw new UserError(`${path} is over 256 MiB, too large for its kind`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}
