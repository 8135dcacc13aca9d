import { z } from 'zod';

export const STAGES = ['collect', 'extract', 'train', 'evaluate', 'report'] as const;
export type StageName = (typeof STAGES)[number];

/** Which model a run is about. The hash decides, the rest is for people and for shape checks. */
export const ModelIdentitySchema = z.object({
  /** Short name: the alias, or the file's name without ending. */
  name: z.string(),
  /** Where it came from, as `--model` would name it. */
  source: z.string(),
  path: z.string(),
  sha256: z.string(),
  architecture: z.string(),
  quantisation: z.string(),
  layers: z.int(),
  ffn: z.int(),
  hidden: z.int(),
  vocab: z.int(),
});
export type ModelIdentity = z.infer<typeof ModelIdentitySchema>;

export const StageRecordSchema = z.object({
  status: z.enum(['running', 'done']),
  fingerprint: z.string(),
  settings: z.record(z.string(), z.unknown()),
  inputs: z.record(z.string(), z.string()),
  after: z.record(z.string(), z.string()),
  /** What came out, in numbers, for people and for `--json`. */
  counts: z.record(z.string(), z.number()),
  /** Working time over all starts of this stage. */
  seconds: z.number(),
  versions: z.record(z.string(), z.string()),
});
export type StageRecord = z.infer<typeof StageRecordSchema>;

export const ManifestSchema = z.object({
  schemaVersion: z.literal(1),
  command: z.array(z.string()),
  model: ModelIdentitySchema,
  questions: z.object({
    /** `built-in`, or the path of the user's file. */
    source: z.string(),
    sha256: z.string(),
    count: z.int(),
  }),
  seed: z.int(),
  /** The day that the chat template is told, YYYY-MM-DD: that on which the run was made. Only where the template asks for it. */
  promptDate: z.iso.date().optional(),
  stages: z.partialRecord(z.enum(STAGES), StageRecordSchema),
});
export type Manifest = z.infer<typeof ManifestSchema>;

/** Files that a stage writes, relative to the run folder. `evaluate` also adds its figures to `detector.json`. */
export const STAGE_FILES: Record<StageName, string[]> = {
  collect: ['responses.jsonl', 'cases.jsonl', 'pairs.jsonl'],
  extract: ['features.safetensors', 'features.done.jsonl', 'pairs.safetensors', 'pairs.done.jsonl'],
  train: ['detector.json', 'held-out.json'],
  evaluate: ['evaluation.json', 'controls.json'],
  report: ['report.json', 'report.html'],
};

/** Files that a stage writes under some settings only: moved aside with the others, but not missed. */
export const OPTIONAL_FILES: Partial<Record<StageName, string[]>> = {
  train: ['suppressed.jsonl'],
  evaluate: ['stability.json'],
};

/** All files of a stage that may be there. */
export function filesOf(stage: StageName): string[] {
  return [...STAGE_FILES[stage], ...(OPTIONAL_FILES[stage] ?? [])];
}

/** The stages that build on `stage`, in order. */
export function followers(stage: StageName): StageName[] {
  return STAGES.slice(STAGES.indexOf(stage) + 1);
}
