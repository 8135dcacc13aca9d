import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { readJsonl } from '../formats/jsonl.js';
import type { Detector } from '../pipeline/detector.js';
import type { HeldOutAnswers } from './interval.js';

const EvaluationSchema = z.object({
  test: z.object({ auroc: z.object({ estimate: z.number() }) }),
  scores: z.array(z.object({ id: z.string(), score: z.number() })),
});
const CaseSchema = z.object({
  id: z.string(),
  split: z.enum(['train', 'test']),
  class: z.enum(['faithful', 'hallucinated']),
});

/**
 * The test half of the run that a detector lies in: score and class of each answer. Undefined when the files of the run are not
 * beside the detector, are damaged, or belong to another detector: scoring works without them.
 *
 * @param path the detector's file
 */
export async function readHeldOutAnswers(
  path: string,
  detector: Detector,
): Promise<HeldOutAnswers | undefined> {
  const evaluation = join(dirname(path), 'evaluation.json');
  const cases = join(dirname(path), 'cases.jsonl');
  if (!detector.test || !existsSync(evaluation) || !existsSync(cases)) return undefined;
  try {
    const { test, scores } = EvaluationSchema.parse(JSON.parse(await readFile(evaluation, 'utf8')));
    if (test.auroc.estimate !== detector.test.auroc.estimate) return undefined;
    const classes = new Map<string, number>();
    for await (const { value } of readJsonl(cases)) {
      const one = CaseSchema.parse(value);
      if (one.split === 'test') classes.set(one.id, one.class === 'hallucinated' ? 1 : 0);
    }
    return heldOutAnswers(
      scores.flatMap(({ id, score }) => {
        const label = classes.get(id);
        return label === undefined ? [] : [{ score, label }];
      }),
    );
  } catch {
    return undefined;
  }
}

/** Puts answers in the order of their scores. `label` 1: hallucinated. */
export function heldOutAnswers(answers: readonly { score: number; label: number }[]): HeldOutAnswers {
  const sorted = [...answers].sort((a, b) => a.score - b.score);
  return {
    scores: Float64Array.from(sorted, ({ score }) => score),
    labels: Uint8Array.from(sorted, ({ label }) => label),
  };
}
