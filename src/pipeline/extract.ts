import type { Engine } from '../engine/types.js';
import { type Case, readCases } from './cases.js';
import type { RunContext } from './context.js';
import { showsResidual, writePlan } from './feature-file.js';
import { hashFile } from './fingerprint.js';
import { type AnswerPair, readPairs } from './pairs.js';
import { casePlan, pairPlan, type ReadPlan, requireFit } from './read-plan.js';
import type { RunFolder } from './run-folder.js';
import type { ExtractSettings } from './settings.js';
import { requireStage, runStage, type StageCounts, type StageDefinition } from './stage.js';

/** The files of features in a run, each with the lines that it has a row for. */
export const FEATURE_FILES = ['features', 'pairs'] as const;
export type FeatureFile = (typeof FEATURE_FILES)[number];

/** What the features of a run are read from. */
export interface ExtractInputs {
  cases: Case[];
  pairs: AnswerPair[];
  /** SHA-256 of cases.jsonl and of pairs.jsonl: what a row is made from. */
  keys: Record<FeatureFile, string>;
}

/**
 * Stage 2 (method.md section 3): `features.safetensors` from `cases.jsonl`, one row a case, and `pairs.safetensors` from
 * `pairs.jsonl`, one row a pair.
 */
export async function extract(context: RunContext, settings: ExtractSettings): Promise<boolean> {
  const { folder, emit } = context;
  const inputs = await readInputs(folder);
  return runStage(folder, extractStage(inputs, settings), context.versions, emit, async () => {
    const engine = await context.engine();
    const plans = await extractPlans(engine, inputs);
    const total = inputs.cases.length + inputs.pairs.length;
    let held = 0;
    let before = 0;
    for (const name of FEATURE_FILES) {
      const target = {
        path: folder.file(`${name}.safetensors`),
        donePath: folder.file(`${name}.done.jsonl`),
        type: settings.features,
        metadata: { key: inputs.keys[name] },
      };
      const written = await writePlan(engine, plans[name], target, (done) => {
        emit({ type: 'progress', step: 'extract', done: before + done, total, unit: 'samples' });
      });
      held += written.held;
      before += written.rows;
    }
    return describeExtract(folder, inputs, held);
  });
}

/** Reads what collect has written. @throws UserError when collect is not done, or was done by another version. */
export async function readInputs(
  folder: Pick<RunFolder, 'path' | 'manifest' | 'file'>,
): Promise<ExtractInputs> {
  requireStage(folder, 'collect');
  const [cases, pairs] = [folder.file('cases.jsonl'), folder.file('pairs.jsonl')];
  return {
    cases: await readCases(cases),
    pairs: await readPairs(pairs),
    keys: { features: await hashFile(cases), pairs: await hashFile(pairs) },
  };
}

export function extractStage({ keys }: ExtractInputs, settings: ExtractSettings): StageDefinition {
  const inputs = { cases: keys.features, pairs: keys.pairs };
  return { stage: 'extract', settings: { ...settings }, inputs };
}

/** The reads that each file of a run is made of. */
export async function extractPlans(
  engine: Engine,
  { cases, pairs }: ExtractInputs,
): Promise<Record<FeatureFile, ReadPlan>> {
  requireFit(engine.model, cases);
  for (const { id, right, wrong } of pairs) {
    requireFit(
      engine.model,
      [right, wrong].map(({ token_ids }) => ({ id: `${id} (pair)`, token_ids })),
    );
  }
  const residual = await showsResidual(engine);
  return { features: casePlan(cases, { question: true, residual }), pairs: pairPlan(pairs) };
}

/** What came out of extract, in numbers and in words. */
export function describeExtract(
  folder: Pick<RunFolder, 'manifest'>,
  { cases, pairs }: ExtractInputs,
  held: number,
): { counts: StageCounts; summary: string } {
  const { layers, ffn } = folder.manifest.model;
  const sequences = [...cases, ...pairs.flatMap(({ right, wrong }) => [right, wrong])];
  const tokens = sequences.reduce((sum, { token_ids }) => sum + token_ids.length, 0);
  const neurons = layers * ffn;
  const limit = held > 0 ? `; ${held} numbers are too large for float16 and stand at 65504` : '';
  return {
    counts: { samples: cases.length, pairs: pairs.length, tokens, neurons, ...(held > 0 && { held }) },
    summary: `${neurons} neurons read in ${cases.length} samples and ${pairs.length} pairs${limit}`,
  };
}
