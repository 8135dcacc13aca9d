import { existsSync } from 'node:fs';
import { z } from 'zod';
import { recordLines } from './records.js';

/** What a model answered to a question with options, read in both ways. */
export const ChoiceReadingSchema = z.object({
  /** Log p of each option's letter as the next token, in order of the options. */
  logProbabilities: z.array(z.number()),
  /** The letter with the highest of them. */
  logits: z.string(),
  /** What the model says by itself, and the letter in it; null when there is none. */
  greedyText: z.string(),
  greedy: z.string().nullable(),
});
export type ChoiceReading = z.infer<typeof ChoiceReadingSchema>;

export const ResponseSampleSchema = z.object({
  index: z.int(),
  text: z.string(),
  /** Tokens of the text in the model that is read. */
  tokens: z.array(z.int()),
  /** `failed`: the judge gave no usable answer. */
  verdict: z.enum(['correct', 'wrong', 'uncertain', 'failed']),
  /** Null where a server does not tell it. */
  logProbability: z.number().nullable(),
  finish: z.enum(['stop', 'end', 'length']),
  /** Part of `logProbability` that is of tokens behind the text. Older runs lack it. */
  endLogProbability: z.number().optional(),
  /** The tokenizer of the model that is read cannot spell this text. */
  unreadable: z.literal(true).optional(),
  /** The response ends inside a thought: it has no answer, and its verdict is `uncertain`. */
  unfinished: z.literal(true).optional(),
  /** Who judged, where it was not the rule, with the version of its prompt and its answer word for word. */
  judge: z.string().optional(),
  promptVersion: z.string().optional(),
  raw: z.string().optional(),
  choice: ChoiceReadingSchema.optional(),
});
export type ResponseSample = z.infer<typeof ResponseSampleSchema>;

/** A line of responses.jsonl: a question that is done with. */
export const ResponseSchema = z.object({
  id: z.string(),
  split: z.enum(['train', 'test']),
  relation: z.string(),
  /**
   * `failed`: the server or the judge gave no usable answer; `full`: given up because no more questions of the class it
   * could still have were needed.
   */
  class: z.enum(['faithful', 'hallucinated', 'mixed', 'uncertain', 'failed', 'full']),
  /** With `failed`: why, in words. */
  reason: z.string().optional(),
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
  const what = 'not a response of this version of hneurons; delete the file and run collect again';
  for await (const response of recordLines(path, ResponseSchema, what, { ignoreTorn: true })) {
    if (response.class !== 'full' || response.quota === quota) responses.set(response.id, response);
  }
  return responses;
}
