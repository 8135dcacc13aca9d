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
  seed: z.int().min(0),
});
export type CollectSettings = z.infer<typeof CollectSettingsSchema>;

export const TrainSettingsSchema = z.object({
  mode: z.enum(['3-vs-1', '1-vs-1']),
  /** Values of C to choose from, ascending. */
  grid: z.array(z.number().positive()).min(1),
  folds: z.int().min(2),
  seed: z.int().min(0),
});
export type TrainSettings = z.infer<typeof TrainSettingsSchema>;

export const EvaluateSettingsSchema = z.object({
  /** Random-neuron controls, one a seed. */
  controls: z.int().min(1),
  seed: z.int().min(0),
});
export type EvaluateSettings = z.infer<typeof EvaluateSettingsSchema>;

export interface Settings {
  collect: CollectSettings;
  train: TrainSettings;
  evaluate: EvaluateSettings;
}

export const DEFAULT_SEED = 1;

/**
 * The settings of a run in which the user has set nothing but `overrides`.
 * @throws UserError when they contradict each other.
 */
export function makeSettings(
  overrides: {
    seed?: number;
    collect: Partial<CollectSettings> & Pick<CollectSettings, 'promptStyle'>;
    train?: Partial<TrainSettings>;
    evaluate?: Partial<EvaluateSettings>;
  },
): Settings {
  const seed = overrides.seed ?? DEFAULT_SEED;
  const samples = overrides.collect.samples ?? 10;
  const settings: Settings = {
    collect: {
      samples,
      temperature: 1,
      topK: 50,
      topP: 0.9,
      minP: 0,
      maxTokens: 50,
      minCorrect: samples,
      maxCorrect: 0,
      promptStyle: overrides.collect.promptStyle,
      quota: 150,
      seed,
      ...defined(overrides.collect),
    },
    train: { mode: '3-vs-1', grid: [0.1, 0.3, 1, 3, 10, 30], folds: 5, seed, ...defined(overrides.train) },
    evaluate: { controls: 20, seed, ...defined(overrides.evaluate) },
  };
  const { minCorrect, maxCorrect } = settings.collect;
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
  settings.train.grid = [...new Set(settings.train.grid)].sort((a, b) => a - b);
  return settings;
}

function defined<T extends object>(value: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(value ?? {}).filter(([, inner]) => inner !== undefined)) as Partial<T>;
}
