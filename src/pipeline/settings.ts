import { z } from 'zod';
import { UserError } from '../errors.js';

/** What decides the collected responses. Defaults are the paper's (method.md). */
export const CollectSettingsSchema = z.object({
  samples: z.int().min(1),
  temperature: z.number().min(0),
  topK: z.int().min(0),
  topP: z.number().min(0).max(1),
  minP: z.number().min(0).max(1),
  maxTokens: z.int().min(1),
  minCorrect: z.int().min(1),
  maxCorrect: z.int().min(0),
  promptStyle: z.enum(['chat', 'few-shot', 'plain']),
  /** Matched samples wanted of each class in each split; null takes every question. */
  quota: z.int().min(1).nullable(),
  /** Most pairs of a right and a wrong answer to the same question, for the test within questions. */
  pairs: z.int().min(0).default(200),
  seed: z.int().min(0),
  // Absent where they are as they have always been, so that older runs stay valid.
  /** Who judges; absent: the rule of whole words. */
  judge: z.string().optional(),
  /** Who names the answer within a response; absent: the rule. */
  spans: z.string().optional(),
  /** Server of one of these, where it is named. */
  judgeUrl: z.string().optional(),
  /** Hash of the phrases that make a response uncertain; absent: the built-in ones. */
  markers: z.string().optional(),
  /** Base URL of the server that is sampled from, and the model's name there; absent: the model that is read. */
  endpoint: z.string().optional(),
  endpointModel: z.string().optional(),
  /** What counts as the answer to a question with options; absent: the logits. */
  choice: z.literal('greedy').optional(),
});
export type CollectSettings = z.infer<typeof CollectSettingsSchema>;

export const ExtractSettingsSchema = z.object({
  /** How features are stored. */
  features: z.enum(['float32', 'float16']),
});
export type ExtractSettings = z.infer<typeof ExtractSettingsSchema>;

export const TrainSettingsSchema = z.object({
  mode: z.enum(['3-vs-1', '1-vs-1']),
  /** Values of C to choose from, ascending. */
  grid: z.array(z.number().positive()).min(1),
  folds: z.int().min(2),
  seed: z.int().min(0),
  /** What the chosen C is best in. Runs from before there was a choice went by accuracy. */
  select: z.enum(['accuracy', 'accuracy+score']).default('accuracy'),
  /** Questions that the model is asked with the neurons of each C suppressed. */
  scoreQuestions: z.int().min(1).default(100),
  /** Penalises each weight as if its neuron's CETT had been divided by its standard deviation. */
  standardise: z.boolean().default(false),
  /** `balanced`: both labels count the same in all, however many rows they have. */
  classWeights: z.enum(['none', 'balanced']).default('none'),
});
export type TrainSettings = z.infer<typeof TrainSettingsSchema>;

export const EvaluateSettingsSchema = z.object({
  /** Random-neuron controls, one a seed. */
  controls: z.int().min(1),
  /** Resamples of the training questions for the stability of the neurons; 0 leaves it out. */
  resamples: z.int().min(0),
  seed: z.int().min(0),
});
export type EvaluateSettings = z.infer<typeof EvaluateSettingsSchema>;

export const DEFAULT_SEED = 1;

/**
 * Settings of a collection in which the user has set nothing but `overrides`.
 * @throws UserError when they contradict each other.
 */
export function makeCollectSettings(
  overrides: Partial<CollectSettings> & Pick<CollectSettings, 'promptStyle' | 'seed'>,
): CollectSettings {
  const samples = overrides.samples ?? 10;
  const settings: CollectSettings = {
    samples,
    temperature: 1,
    topK: 50,
    topP: 0.9,
    minP: 0,
    maxTokens: 50,
    minCorrect: samples,
    maxCorrect: 0,
    quota: 200,
    pairs: 200,
    ...defined(overrides),
  };
  const { minCorrect, maxCorrect } = settings;
  if (minCorrect > samples) {
    throw new UserError(`--min-correct ${minCorrect} is more than the ${samples} samples of a question`, {
      exitCode: 2,
    });
  }
  if (maxCorrect >= minCorrect) {
    throw new UserError(
      `--max-correct ${maxCorrect} must be less than --min-correct ${minCorrect}, or a question would be both faithful and hallucinated`,
      { exitCode: 2 },
    );
  }
  return settings;
}

export function makeExtractSettings(overrides: Partial<ExtractSettings> = {}): ExtractSettings {
  return { features: 'float32', ...defined(overrides) };
}

export function makeTrainSettings(
  overrides: Partial<TrainSettings> & Pick<TrainSettings, 'seed'>,
): TrainSettings {
  const settings: TrainSettings = {
    mode: '3-vs-1',
    grid: [0.1, 0.3, 1, 3, 10, 30, 100],
    folds: 5,
    select: 'accuracy+score',
    scoreQuestions: 200,
    standardise: false,
    classWeights: 'none',
    ...defined(overrides),
  };
  settings.grid = [...new Set(settings.grid)].sort((a, b) => a - b);
  return settings;
}

export function makeEvaluateSettings(
  overrides: Partial<EvaluateSettings> & Pick<EvaluateSettings, 'seed'>,
): EvaluateSettings {
  return { controls: 20, resamples: 20, ...defined(overrides) };
}

/** Without the keys that are undefined, so that they do not hide a default. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as T;
}
