import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readJsonl } from '../formats/jsonl.js';

export const ResponseSampleSchema = z.object({
  index: z.int(),
  text: z.string(),
  tokens: z.array(z.int()),
  verdict: z.enum(['correct', 'wrong', 'uncertain']),
  /** Null where the response was imported. */
  logProbability: z.number().nullable(),
  /** What judged it, where that is not the rule. */
  judge: z.string().optional(),
  finish: z.enum(['stop', 'end', 'length']),
});
export type ResponseSample = z.infer<typeof ResponseSampleSchema>;

/** A line of responses.jsonl: a question that is done with. */
export const ResponseSchema = z.object({
  id: z.string(),
  split: z.enum(['train', 'test']),
  relation: z.string(),
  /** `full`: given up because no more questions of the class it could still have were needed. */
  class: z.enum(['faithful', 'hallucinated', 'mixed', 'uncertain', 'full']),
  /** With `full`: the quota under which it was given up. */
  quota: z.int().optional(),
  /** Ended before all samples were drawn. */
  stopped: z.boolean(),
  samples: z.array(ResponseSampleSchema),
});
export type Response = z.infer<typeof ResponseSchema>;

/**
 * The questions of a half-done run that need not be asked again, by id. Those given up under another quota are left
 * out, and so is a last line that a killed process left unfinished.
 */
export async function readResponses(path: string, quota: number | null): Promise<Map<string, Response>> {
  const responses = new Map<string, Response>();
  if (!existsSync(path)) return responses;
  for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
    const response = ResponseSchema.parse(value);
    if (response.class !== 'full' || response.quota === quota) responses.set(response.id, response);
  }
  return responses;
}
