/**
 * Sets of questions by name.
 *
 *     const { name, source, questions } = await openDataset('triviaqa', { split: 'test', limit: 2000, seed: 1 });
 *
 * A spec is the name of a set (`sets.ts` lists them), `NAME=FILE` for a file that stands in for a named set (with the set's own columns
 * or the usual ones), the path of a file, or names with `+` between them for several sets in one.
 *
 * `split` gives the questions of one half: of sets that come with splits those of that split, of the others all (which have no `split`
 * of their own: whoever tests on them must leave out what was trained on, by id or wording). `limit` is a choice by
 * `seed`. Progress and notes come through callbacks; the network is used as for models (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE,
 * the Hugging Face cache, downloads that are resumed).
 */
import { existsSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { UserError } from '../errors.js';
import { explain, SourceFailure } from '../models/failure.js';
import type { HttpTimes } from '../models/http.js';
import { withSession } from '../models/session.js';
import type { ModelProgress } from '../models/types.js';
import { builtinQuestions } from '../questions/builtin.js';
import { loadQuestions } from '../questions/load.js';
import type { Question } from '../questions/types.js';
import { type Chooser, createChooser } from './choose.js';
import { ownColumns } from './fields.js';
import { readHubSet } from './hub-set.js';
import { mirrorQuestions, nonexistQuestions } from './nonexist/make.js';
import { isSetName, SETS, type SetDescription, type SetName } from './sets.js';
import { countSkipped, type Skipped } from './skipped.js';

export interface DatasetOptions {
  /** Only the questions of this split, and those of sets without splits. */
  split?: 'train' | 'test';
  /** At most so many questions, chosen by `seed`; of both splits together. */
  limit?: number;
  /** Of the choice, and of what is made up. Default 1. */
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: ModelProgress) => void;
  /** One-line messages: a download, rows that are left out. */
  onNotice?: (text: string) => void;
  /** Caches only, no network. Default: whether HF_HUB_OFFLINE is set. */
  offline?: boolean;
  /** Where the environment variables come from; default `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Time limits of the network; the defaults suit everybody but tests. */
  times?: Partial<HttpTimes>;
}

export interface Dataset {
  /** Short name, for folders and tables. */
  name: string;
  /** Where it came from: `built-in`, a path, or repository and commit. */
  source: string;
  questions: Question[];
}

/**
 * Opens a set of questions; see the head of this file.
 * @throws UserError one line: no such set or file, what is wrong with the file, or why the set is not to be had.
 * @throws the signal's reason when aborted.
 */
export async function openDataset(spec: string, options: DatasetOptions = {}): Promise<Dataset> {
  const parts = spec.split('+');
  if (parts.length > 1 && parts.every(isSetName)) {
    const opened: Dataset[] = [];
    for (const part of parts) opened.push(await openDataset(part, { ...options, limit: undefined }));
    const chooser = createChooser(options.limit, options.seed ?? 1);
    for (const { questions } of opened) for (const question of questions) chooser.add(question);
    const source = opened.map((set) => set.source).join(' + ');
    return { name: parts.join('-'), source, questions: chooser.chosen() };
  }
  const chooser = createChooser(options.limit, options.seed ?? 1);
  const skipped = countSkipped();
  const { name, source } = await readSet(spec, options, chooser, skipped);
  for (const note of skipped.notes(name)) options.onNotice?.(note);
  const questions = chooser.chosen();
  if (questions.length === 0)
    throw new UserError(`${spec} holds no question${options.split ? ` to ${options.split}` : ''}`);
  return { name, source, questions };
}

async function readSet(
  spec: string,
  options: DatasetOptions,
  chooser: Chooser,
  skipped: Skipped,
): Promise<Pick<Dataset, 'name' | 'source'>> {
  const { path, set } = parseSpec(spec);
  const add = (question: Question) => {
    if (options.split === undefined || (question.split ?? options.split) === options.split)
      chooser.add(question);
  };
  if (path !== undefined) {
    const fields = set && (SETS[set] as SetDescription).fields;
    // A public set has rows that are no use; a file of one's own shall be right.
    const onSkipped = set && ((reason: string, where: string) => skipped.add(reason, where));
    const own = fields && ownColumns(fields);
    await loadQuestions(path, { own, relation: set, onSkipped, onQuestion: add, signal: options.signal });
    return { name: set ?? basename(path, extname(path)), source: path };
  }
  const name = set!;
  const make = MADE_HERE[name];
  if (make !== undefined) {
    make(options.seed ?? 1).forEach(add);
    return { name, source: name === 'facts' ? 'built-in' : `built-in ${name}` };
  }
  return { name, source: await readFromHub(name, options, chooser, skipped) };
}

/** The sets that need no file, by seed. */
const MADE_HERE: Partial<Record<SetName, (seed: number) => Question[]>> = {
  facts: builtinQuestions,
  nonexist: nonexistQuestions,
  'nonexist-mirror': mirrorQuestions,
};

/** A path, a named set, or both. */
function parseSpec(spec: string): { path?: string; set?: SetName } {
  if (isSetName(spec)) return { set: spec };
  const [, name = '', file = ''] = /^([^=]*)=(.*)$/s.exec(spec) ?? [];
  if (isSetName(name) && file !== '') return { set: name, path: file };
  const names = Object.keys(SETS).join(', ');
  if (file !== '' && !existsSync(spec)) {
    throw new UserError(`no data set "${name}": the names are ${names}`, { exitCode: 2 });
  }
  if (!/[\\/.]/.test(spec) && !existsSync(spec)) {
    throw new UserError(`no data set "${spec}": give one of ${names}, or a file`, { exitCode: 2 });
  }
  return { path: spec };
}

async function readFromHub(
  name: SetName,
  options: DatasetOptions,
  chooser: Chooser,
  skipped: Skipped,
): Promise<string> {
  const { hub, fields, bring }: SetDescription = SETS[name];
  if (hub === undefined || fields === undefined) {
    throw new UserError(`${name} needs your own file: ${bring}`, { exitCode: 2 });
  }
  return withSession(
    options,
    (session) => readHubSet(session, { name, hub, fields }, options.split, chooser, skipped),
    (error) => {
      if (error instanceof SourceFailure) {
        const advice = `get its files elsewhere and pass one as ${name}=FILE`;
        return new UserError(`${name}: ${error.message}; it is not in the cache either: ${advice}`, {
          cause: error,
        });
      }
      return explain(error, name);
    },
  );
}
