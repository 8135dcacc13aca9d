import { existsSync, readdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { UserError } from '../errors.js';
import { fileName } from '../formats/file-name.js';
import { builtinQuestions } from '../questions/builtin.js';
import { loadQuestions } from '../questions/load.js';
import type { Question } from '../questions/types.js';

export interface QuestionSet {
  questions: Question[];
  /** Short name, for the run folder. */
  name: string;
  /** `built-in` or the file. */
  source: string;
}

/** The user's questions, or the built-in ones. Throws a UserError that names line and reason for a broken file. */
export async function readQuestionSet(path: string | undefined): Promise<QuestionSet> {
  if (path === undefined) return { questions: builtinQuestions(), name: 'builtin', source: 'built-in' };
  return {
    questions: await loadQuestions(path),
    name: fileName(basename(path, extname(path))),
    source: path,
  };
}

/**
 * The run folder that a later stage works in when none is named: the only one there is.
 * @throws UserError when there are none or several.
 */
export function onlyRun(root = 'runs'): string {
  const names = existsSync(root) ? readdirSync(root) : [];
  const runs = names
    .map((name) => join(root, name))
    .filter((path) => existsSync(join(path, 'manifest.json')));
  if (runs.length === 1) return runs[0];
  throw new UserError(
    runs.length === 0
      ? 'there is no run folder here; make one with: hneurons collect, or name one with --out'
      : `there are several run folders; name one with --out: ${runs.join(', ')}`,
  );
}
