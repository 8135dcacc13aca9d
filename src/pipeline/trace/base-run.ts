import { join } from 'node:path';
import { z } from 'zod';
import { type CollectTools, TooFewError } from '../collect.js';
import type { Listener } from '../events.js';
import { runStages } from '../find.js';
import { type ModelIdentity, STAGES } from '../manifest.js';
import { readRecords } from '../records.js';
import { type EngineChoice, makeContext, type Services } from '../run.js';
import { openRunFolder, type RunFolder } from '../run-folder.js';
import {
  type CollectSettings,
  CollectSettingsSchema,
  EvaluateSettingsSchema,
  ExtractSettingsSchema,
  makeCollectSettings,
  TrainSettingsSchema,
} from '../settings.js';
import { requireStage } from '../stage.js';

const QuestionSchema = z.object({
  id: z.string(),
  question: z.string(),
  aliases: z.array(z.string()),
  relation: z.string(),
  split: z.enum(['train', 'test']),
  group: z.string(),
  kind: z.enum(['fabricated', 'choice']).optional(),
  options: z.array(z.string()).optional(),
});

/** Settings in which asking a base model may differ: it answers in another form, and less steadily. */
export type BaseAsking = Pick<CollectSettings, 'promptStyle'> &
  Partial<Pick<CollectSettings, 'minCorrect' | 'maxCorrect' | 'quota'>>;

/** What a run on another model needs of the outside. */
export interface BaseRunContext {
  engine: EngineChoice;
  services: Services;
  version: string;
  command: string[];
  tools: CollectTools;
  emit: Listener;
  signal?: AbortSignal;
}

/**
 * Repeats a run on another model: the same questions with the same split, and the same settings but for the prompt. Goes on
 * where it was cut off, and does nothing where it is done.
 * @returns the run folder, still open, or the reason why too few answers came out to compare
 * @throws UserError as the stages do
 */
export async function repeatRun(
  source: RunFolder,
  model: ModelIdentity,
  path: string,
  asking: BaseAsking,
  context: BaseRunContext,
): Promise<RunFolder | string> {
  const questions = await readRecords(
    source.file('questions.jsonl'),
    QuestionSchema,
    'not a question of a run; run hneurons collect again',
  );
  const collect = CollectSettingsSchema.parse(requireStage(source, 'collect').settings);
  const settings = {
    questions,
    collect: makeCollectSettings({ ...collect, endpoint: undefined, endpointModel: undefined, ...asking }),
    tools: context.tools,
    extract: ExtractSettingsSchema.parse(requireStage(source, 'extract').settings),
    train: TrainSettingsSchema.parse(requireStage(source, 'train').settings),
    evaluate: EvaluateSettingsSchema.parse(requireStage(source, 'evaluate').settings),
  };
  const { questions: set, seed } = source.manifest;
  const folder = await openRunFolder(
    path,
    { model, questions: set, seed },
    { command: context.command, remedy: 'choose another --out, or remove that folder to start it anew' },
  );
  const run = makeContext({ ...context, folder });
  try {
    await runStages(run, STAGES, settings);
    return folder;
  } catch (error) {
    if (error instanceof TooFewError) return error.message;
    throw error;
  } finally {
    await run.close();
  }
}

/** The folder of the run on a base model, beside what trace writes itself. */
export const baseRunPath = (out: string, name: string) => join(out, `base-${name}`);
