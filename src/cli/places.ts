import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Dataset } from '../datasets/open.js';
import { UserError } from '../errors.js';
import { fileName } from '../formats/file-name.js';
import type { Listener } from '../pipeline/events.js';
import { findDataset, type Session } from './session.js';

export interface QuestionFlags {
  /** A file: the same as `dataset` with its path. */
  questions?: string;
  dataset?: string;
  limit?: number;
}

/**
 * The questions that the options name, the built-in ones by default. `name` is short, for the run folder.
 * @throws UserError when both options are given, for a set that is not to be had, and naming line and reason for a broken file.
 */
export async function readQuestionSet(
  session: Session,
  flags: QuestionFlags,
  seed: number,
  emit: Listener,
): Promise<Dataset> {
  if (flags.questions !== undefined && flags.dataset !== undefined) {
    throw new UserError('--questions FILE is the same as --dataset FILE: give one of them', { exitCode: 2 });
  }
  const spec = flags.dataset ?? flags.questions ?? 'facts';
  const set = await findDataset(session, spec, { limit: flags.limit, seed }, emit);
  return { ...set, name: fileName(set.name === 'facts' ? 'builtin' : set.name) };
}

/**
 * The run folder that a later stage works in when none is named: the only one there is.
 * @param option the option that names one, for the message
 * @throws UserError when there are none or several.
 */
export function onlyRun(root = 'runs', option = '--out'): string {
  const names = existsSync(root) ? readdirSync(root) : [];
  const runs = names
    .map((name) => join(root, name))
    .filter((path) => existsSync(join(path, 'manifest.json')));
  if (runs.length === 1) return runs[0];
  throw new UserError(
    runs.length === 0
      ? `there is no run folder here; make one with: hneurons collect, or name one with ${option}`
      : `there are several run folders; name one with ${option}: ${runs.join(', ')}`,
  );
}
