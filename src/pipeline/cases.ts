import { z } from 'zod';
import { readRecords } from './records.js';

/**
 * A line of cases.jsonl: a selected question with the one response that stands for it. The token fields have the names of
 * `hneurons extract --cases`, so that the file can be used there too.
 */
export const CaseSchema = z.object({
  id: z.string(),
  /** Questions about the same fact share it; cross-validation keeps them in one fold. */
  group: z.string(),
  split: z.enum(['train', 'test']),
  relation: z.string(),
  class: z.enum(['faithful', 'hallucinated']),
  question: z.string(),
  aliases: z.array(z.string()),
  /** Absent: an open question. */
  kind: z.enum(['fabricated', 'choice']).optional(),
  /** With `choice`. */
  options: z.array(z.string()).optional(),
  response: z.string(),
  answer: z.string(),
  /** Prompt and response. */
  token_ids: z.array(z.int()),
  /** Where the response begins, as a token position. */
  response_start: z.int(),
  /** Token positions of the answer itself, `answer_end` not included. */
  answer_start: z.int(),
  answer_end: z.int(),
  /** Token positions of the question's own text within the prompt; null where the prompt does not hold it as it is. */
  question_start: z.int().nullable(),
  question_end: z.int().nullable(),
  /** Text of each response token, for the report. */
  token_texts: z.array(z.string()),
  /** What the naive baselines go by. */
  distinct_answers: z.int(),
  mean_log_probability: z.number(),
});
export type Case = z.infer<typeof CaseSchema>;

/** The cases of a run, in order. */
export async function readCases(path: string): Promise<Case[]> {
  return readRecords(path, CaseSchema, 'not a case of this version of hneurons; run collect again');
}
