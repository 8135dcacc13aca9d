import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { extname, join } from 'node:path';
import { UserError } from '../errors.js';
import { isLeftover, writeFileAtomic } from '../formats/atomic.js';
import { fileError } from '../formats/file-error.js';
import { lockFolder } from './lock.js';
import {
  filesOf,
  type Manifest,
  ManifestSchema,
  type ModelIdentity,
  STAGES,
  type StageName,
} from './manifest.js';

/** A run folder that this process has locked. `manifest` is what is on the disk. */
export interface RunFolder {
  path: string;
  manifest: Manifest;
  /** Path of a file in the folder. */
  file(name: string): string;
  save(): Promise<void>;
  /** Gives the lock back. */
  close(): void;
}

/** What a run is about; a folder belongs to one of these. */
export interface RunSubject {
  model: ModelIdentity;
  questions: Manifest['questions'];
  seed: number;
  /** Only where the prompts depend on the day; a run keeps that on which it was made. */
  promptDate?: string;
}

/**
 * The manifest of a run folder, or undefined where there is none.
 * @throws UserError when it cannot be read or was written by an incompatible version.
 */
export function readManifest(folder: string): Manifest | undefined {
  const path = join(folder, 'manifest.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileError(error, 'read', path);
  }
  const parsed = ManifestSchema.safeParse(tryJson(text));
  if (!parsed.success) {
    throw new UserError(`${path} is damaged or from another version of hneurons; choose another --out`, {
      cause: parsed.error,
    });
  }
  return parsed.data;
}

/**
 * Opens the run folder of `subject`, or makes it.
 *
 * @param options.force when the folder is about another model or other questions, moves its files aside and starts anew.
 * @param options.remedy what to do about such a folder, where a command has no --out or --force of this meaning
 * @throws UserError when it belongs to something else, is in use, or cannot be written.
 */
export async function openRunFolder(
  path: string,
  subject: RunSubject,
  options: { command: string[]; force?: boolean; remedy?: string; onNotice?: (message: string) => void },
): Promise<RunFolder> {
  const release = lock(path);
  try {
    const existing = readManifest(path);
    const other = existing && describeOther(existing, subject);
    if (other && !options.force) {
      const remedy =
        options.remedy ??
        'choose another --out, or start it anew with --force (its files are kept as *.previous.*)';
      throw new UserError(`${path} is a run ${other}; ${remedy}`);
    }
    const fresh: Manifest = { schemaVersion: 1, command: options.command, ...subject, stages: {} };
    const manifest: Manifest = existing && !other ? { ...fresh, ...keptOf(existing) } : fresh;
    const folder: RunFolder = {
      path,
      manifest,
      file: (name) => join(path, name),
      save: () => writeFileAtomic(join(path, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`),
      close: release,
    };
    if (other) {
      options.onNotice?.(`${path} was a run ${other}: its files are kept as *.previous.*`);
      moveAside(folder, ['questions.jsonl', ...STAGES.flatMap(filesOf)]);
    }
    await folder.save();
    return folder;
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Opens a folder that an earlier command has made, for stages that need no model file.
 * @throws UserError when there is no run in it.
 */
export async function openExistingRun(path: string, options: { command: string[] }): Promise<RunFolder> {
  if (readManifest(path) === undefined) {
    throw noRun(path);
  }
  const release = lock(path);
  try {
    const manifest = readManifest(path)!;
    manifest.command = options.command;
    return {
      path,
      manifest,
      file: (name) => join(path, name),
      save: () => writeFileAtomic(join(path, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`),
      close: release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * A run that is only read, without its lock: several processes may do so, whoever else works in the folder. Its manifest cannot be
 * saved.
 * @throws UserError when there is no run in it.
 */
export function viewRun(path: string): RunFolder {
  const manifest = readManifest(path);
  if (manifest === undefined) throw noRun(path);
  return {
    path,
    manifest,
    file: (name) => join(path, name),
    save: () => Promise.reject(new Error('a run that is only read cannot be saved')),
    close: () => {},
  };
}

function noRun(path: string): UserError {
  return new UserError(`there is no run in ${path}; make one with: hneurons collect --out ${path}`);
}

/** Renames files to `name.previous.ext`, over an older one of that name. Missing ones are left out. */
export function moveAside(folder: RunFolder, names: string[]): void {
  for (const name of names) {
    if (existsSync(folder.file(name))) renameSync(folder.file(name), folder.file(previousName(name)));
  }
}

/** `detector.json` -> `detector.previous.json`. */
export function previousName(name: string): string {
  const ending = extname(name);
  return `${name.slice(0, name.length - ending.length)}.previous${ending}`;
}

/** Drops the records of stages and moves their files aside. */
export function discardStages(folder: RunFolder, stages: StageName[]): void {
  for (const stage of stages) {
    moveAside(folder, filesOf(stage));
    delete folder.manifest.stages[stage];
  }
}

/**
 * Makes a folder and takes it for this process.
 * @returns a function that gives it back.
 * @throws UserError when another process has it, or it cannot be written to.
 */
export function lock(path: string): () => void {
  let release: (() => void) | undefined;
  try {
    mkdirSync(path, { recursive: true });
    release = lockFolder(path);
    removeLeftovers(path);
    return release;
  } catch (error) {
    release?.();
    throw fileError(error, 'write to', path);
  }
}

/**
 * Removes what a killed process of ours was writing, from a folder that nobody else can be writing to; it may not be there. The folder
 * may be one that the user keeps other things in: only the files of {@link isLeftover} are touched.
 */
export function removeLeftovers(path: string): void {
  if (!existsSync(path)) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    // Shards have locks of their own.
    if (entry.isFile() && isLeftover(entry.name) && !/\.shard-\d+-of-\d+\./.test(entry.name))
      rmSync(join(path, entry.name), { force: true });
  }
}

/** What of a run's manifest stays when it goes on. */
function keptOf({ stages, promptDate }: Manifest): Pick<Manifest, 'stages' | 'promptDate'> {
  return { stages, ...(promptDate !== undefined && { promptDate }) };
}

function describeOther(manifest: Manifest, subject: RunSubject): string | undefined {
  if (manifest.model.sha256 !== subject.model.sha256) {
    const same = manifest.model.name === subject.model.name;
    return same
      ? `of another version of ${manifest.model.name}`
      : `of another model (${manifest.model.name})`;
  }
  if (manifest.questions.sha256 !== subject.questions.sha256) {
    return `with other questions (${manifest.questions.source}, ${manifest.questions.count} questions)`;
  }
  return undefined;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
