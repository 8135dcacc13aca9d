import { UserError } from '../errors.js';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder; check the path',
  EACCES: 'permission denied; check who may access it',
  EPERM: 'permission denied; check who may access it',
  EISDIR: 'it is a folder; name a file',
  EEXIST: 'a file of this name is in the way; choose another path',
  ENOTDIR: 'a part of the path is not a folder; check the path',
  ENOSPC: 'the disk is full; free some space and run the same command again',
  EDQUOT: 'the disk quota is used up; free some space and run the same command again',
  EFBIG: 'the file would be larger than this file system allows; use another folder',
  EROFS: 'the file system is read-only; use another folder',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
};

/**
 * Turns a failed file operation into a UserError that names the file: `cannot <doing> <path>: <reason>`.
 * Anything that is no system error (a bug) is given back as it is.
 */
export function fileError(error: unknown, doing: string, path: string): unknown {
  if (error instanceof UserError) return error;
  const code = (error as NodeJS.ErrnoException)?.code;
  if (typeof code !== 'string' || (error as NodeJS.ErrnoException).syscall === undefined) return error;
  return new UserError(`cannot ${doing} ${path}: ${REASONS[code] ?? code}`, { cause: error });
}
