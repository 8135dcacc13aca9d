import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { UserError } from '../errors.js';
import { RECORD_FILE } from './record.js';

/**
 * Checks that an export may go to `paths`, before anything is written.
 * @param kind whether they are files or a folder
 * @param inputs what the export is made from, files or folders; never overwritten
 * @throws UserError where something is in the way: without `force` anything, with it what holds an input, is of the other kind, or is a
 *   folder that no export made
 */
export function checkTarget(
  paths: string[],
  { kind, inputs, force }: { kind: 'file' | 'folder'; inputs: string[]; force: boolean },
): void {
  const sources = inputs.map(real);
  for (const path of paths) {
    const target = real(path);
    if (sources.some((source) => source === target || source.startsWith(target + sep))) {
      throw new UserError(`${path} is, or holds, what the export is made from; name another --out`, {
        exitCode: 2,
      });
    }
    if (!existsSync(path)) continue;
    if (!force) {
      throw new UserError(`${path} is there already; name another --out, or replace it with --force`, {
        exitCode: 2,
      });
    }
    const isFolder = statSync(path).isDirectory();
    if (isFolder !== (kind === 'folder')) {
      throw new UserError(
        `${path} is a ${isFolder ? 'folder' : 'file'}, the export a ${kind}; name another --out`,
        {
          exitCode: 2,
        },
      );
    }
    if (isFolder && readdirSync(path).length > 0 && !existsSync(join(path, RECORD_FILE))) {
      throw new UserError(
        `${path} holds other things than an export, and is not replaced; name another --out`,
        {
          exitCode: 2,
        },
      );
    }
  }
}

/** The path with the links of what exists of it resolved. */
function real(path: string): string {
  const full = resolve(path);
  if (existsSync(full)) return realpathSync(full);
  const parent = dirname(full);
  return parent === full ? full : join(real(parent), full.slice(parent.length + 1));
}
