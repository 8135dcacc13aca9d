import { UserError } from '../errors.js';

/**
 * A source could not deliver: unreachable, refused, or not the wanted bytes. Another source may still be tried;
 * when there is none, `message` (a clause without a full stop) ends up in the UserError.
 */
export class SourceFailure extends Error {
  override readonly name: string = 'SourceFailure';
}

const HINTS: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'no permission to write',
  EPERM: 'no permission to write',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file is in the way of the cache folder',
  EEXIST: 'a file is in the way of the cache folder',
};

/**
 * Turns what went wrong while a model was fetched into one line for the user; errors that are not the user's
 * business (bugs) come back unchanged.
 */
export function explain(error: unknown, spec: string): unknown {
  if (error instanceof UserError) return error;
  if (error instanceof SourceFailure) {
    return new UserError(`${spec}: ${error.message}`, { cause: error });
  }
  const { code, path } = error as NodeJS.ErrnoException;
  const hint = code === undefined ? undefined : HINTS[code];
  if (hint === undefined) return error;
  const where = path === undefined ? '' : ` (${path})`;
  return new UserError(
    `${spec}: ${hint}${where}; make room or choose another cache folder with HNEURONS_CACHE or HF_HOME. ` +
      'The same command goes on from where it stopped.',
    { cause: error },
  );
}
