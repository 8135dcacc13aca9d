import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import type { Listener } from './events.js';
import { changedKeys, describeChange, fingerprint } from './fingerprint.js';
import { filesOf, followers, STAGE_FILES, STAGES, type StageName, type StageRecord } from './manifest.js';
import { discardStages, moveAside, type RunFolder } from './run-folder.js';

export interface StageDefinition {
  stage: StageName;
  settings: Record<string, unknown>;
  inputs?: Record<string, string>;
  /** Settings that only decide how far the stage goes: what was done before a change of them is kept. */
  extendable?: string[];
  /** Files that an extended stage goes on from; the others are made anew. */
  kept?: string[];
}

export type StageCounts = Record<string, number>;

/** How the body of a stage is started: from nothing, where it was cut off, or further than before. */
export type StageStart = 'fresh' | 'resume' | 'extend';

/**
 * Runs a stage unless its result is there already. A stage is up to date when its settings, its inputs and the
 * stages before it are the same as when it was done; half done, it goes on; and when something changed, the files
 * of this stage and of its followers are moved aside, with a note that says what changed.
 *
 * @param body does the work and says what came out, in numbers and in words.
 * @returns whether the body ran.
 * @throws UserError when a stage before it is not done.
 */
export async function runStage(
  folder: RunFolder,
  definition: StageDefinition,
  versions: Record<string, string>,
  emit: Listener,
  body: (start: StageStart) => Promise<{ counts: StageCounts; summary: string }>,
): Promise<boolean> {
  const { stage } = definition;
  const { stages } = folder.manifest;
  const identity = {
    settings: definition.settings,
    inputs: definition.inputs ?? {},
    after: predecessors(folder, stage),
  };
  const print = fingerprint({ stage, ...identity });
  const old = stages[stage];
  let start: StageStart = 'fresh';
  if (old?.fingerprint === print) {
    if (old.status === 'done' && isComplete(folder, stage)) {
      emit({ type: 'skip', step: stage, summary: describeCounts(old.counts) });
      return false;
    }
    start = old.status === 'running' ? 'resume' : 'fresh';
  } else if (old) {
    const changes = describeChange(old, identity);
    start = canExtend(definition, old, identity) ? 'extend' : 'fresh';
    emit({ type: 'note', message: invalidationNote(folder, stage, changes, start) });
    if (start === 'extend') {
      moveAside(
        folder,
        filesOf(stage).filter((name) => !definition.kept?.includes(name)),
      );
    }
  }
  if (start === 'fresh') discardStages(folder, [stage]);
  discardStages(folder, followers(stage));

  const record: StageRecord = {
    status: 'running',
    fingerprint: print,
    ...identity,
    counts: {},
    seconds: start === 'fresh' ? 0 : (old?.seconds ?? 0),
    versions,
  };
  stages[stage] = record;
  await folder.save();
  emit({ type: 'start', step: stage, label: start === 'resume' ? `${stage} (going on)` : stage });
  const began = performance.now();
  const before = record.seconds;
  try {
    const { counts, summary } = await body(start);
    record.counts = counts;
    record.status = 'done';
    emit({ type: 'end', step: stage, seconds: (performance.now() - began) / 1000, summary });
  } finally {
    record.seconds = Math.round((before + (performance.now() - began) / 1000) * 1000) / 1000;
    await folder.save().catch((error) => {
      // An error of the body itself says more than that the time it took could not be written.
      if (record.status === 'done') throw error;
    });
  }
  return true;
}

/**
 * The record of a stage that is done.
 * @throws UserError that names the command to run when it is not.
 */
export function requireStage(
  folder: Pick<RunFolder, 'path' | 'manifest' | 'file'>,
  stage: StageName,
): StageRecord {
  const record = folder.manifest.stages[stage];
  const advice = `run: hneurons ${stage} --out ${folder.path}`;
  if (record?.status !== 'done') {
    throw new UserError(`${folder.path} has no finished ${stage} stage; ${advice}`);
  }
  const missing = STAGE_FILES[stage].find((name) => !existsSync(folder.file(name)));
  if (missing !== undefined) {
    throw new UserError(
      `${folder.path} lacks ${missing} of the ${stage} stage (lost, or made by an older version); ${advice}`,
    );
  }
  return record;
}

function predecessors(folder: RunFolder, stage: StageName): Record<string, string> {
  const index = STAGES.indexOf(stage);
  if (index === 0) return {};
  const before = STAGES[index - 1];
  return { [before]: requireStage(folder, before).fingerprint };
}

/** The settings that a stage was run with. @throws UserError where they are not those of this version */
export function parseSettings<T>(schema: z.ZodType<T>, record: StageRecord, path: string): T {
  const parsed = schema.safeParse(record.settings);
  if (parsed.success) return parsed.data;
  throw new UserError(
    `${join(path, 'manifest.json')} is damaged or from another version of hneurons (settings: ${parsed.error.issues[0].path.join('.')}); choose another --out`,
    { cause: parsed.error },
  );
}

function isComplete(folder: Pick<RunFolder, 'file'>, stage: StageName): boolean {
  return STAGE_FILES[stage].every((name) => existsSync(folder.file(name)));
}

function canExtend(
  definition: StageDefinition,
  old: StageRecord,
  now: Pick<StageRecord, 'settings' | 'inputs' | 'after'>,
): boolean {
  const extendable = definition.extendable ?? [];
  return (
    changedKeys(old.settings, now.settings).every((key) => extendable.includes(key)) &&
    changedKeys(old.inputs, now.inputs).length === 0 &&
    changedKeys(old.after, now.after).length === 0
  );
}

function invalidationNote(folder: RunFolder, stage: StageName, changes: string[], start: StageStart): string {
  const again = followers(stage).filter((name) => folder.manifest.stages[name] !== undefined);
  const what = start === 'extend' ? `${stage} goes on from what it has` : `${stage} runs again`;
  const after = again.length > 0 ? `, and after it ${again.join(', ')}` : '';
  return `${changes.join(', ')}: ${what}${after}; older results are kept as *.previous.*`;
}

/** `questions 812, matched 300`. */
export function describeCounts(counts: StageCounts): string {
  return Object.entries(counts)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
