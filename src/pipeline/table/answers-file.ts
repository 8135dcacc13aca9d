import { existsSync } from 'node:fs';
import { z } from 'zod';
import { readJsonl } from '../../formats/jsonl.js';

/** One sampled answer, as it is kept the moment it is there. */
export const StoredAnswerSchema = z.object({
  id: z.string(),
  /** The wording it answers: an answer to another one is of no use. */
  question: z.string(),
  text: z.string(),
  tokens: z.array(z.int().min(0)),
  logProbability: z.number(),
  finish: z.enum(['stop', 'end', 'length']),
  /** Part of `logProbability` that is of tokens behind the text. Older files lack it. */
  endLogProbability: z.number().optional(),
});
export type StoredAnswer = z.infer<typeof StoredAnswerSchema>;

/** A line of `responses.jsonl` when a data set is done: the answer, its verdict, and its scores where it was matched. */
export interface AnswerLine extends Partial<StoredAnswer> {
  id: string;
  question: string;
  relation: string;
  aliases: string[];
  kind?: 'fabricated';
  /** Why the question could not be used at all. */
  skipped?: string;
  verdict?: string;
  judge?: string;
  promptVersion?: string;
  raw?: string;
  answer?: string;
  /** Rows that the answer counts in, with the class it has there. */
  rows?: Record<string, 'faithful' | 'hallucinated'>;
  /** Raw score of the detector, and the probability of being made up that it stands for. */
  score?: number;
  probability?: number;
}

/**
 * The answers that an earlier start has left, by id. A last line that a killed process left unfinished is left out, and so are
 * questions that were skipped.
 */
export async function readAnswers(path: string): Promise<Map<string, StoredAnswer>> {
  const answers = new Map<string, StoredAnswer>();
  if (!existsSync(path)) return answers;
  for await (const { value } of readJsonl(path, { ignoreTorn: true })) {
    const parsed = StoredAnswerSchema.safeParse(value);
    if (parsed.success) answers.set(parsed.data.id, parsed.data);
  }
  return answers;
}
