import { z } from 'zod';
import type { SpanExtractor } from '../judge/types.js';
import type { RowMatrix } from '../learn/matrix.js';
import { openRows } from './feature-file.js';
import { readAnswers } from './read-answers.js';
import { readRecords } from './records.js';
import type { Response } from './responses.js';
import type { RunFolder } from './run-folder.js';
import type { Sampler } from './sampler.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';

const AnswerSchema = z.object({
  response: z.string(),
  answer: z.string(),
  /** Prompt and response, and where in them response and answer stand, as in cases.jsonl. */
  token_ids: z.array(z.int()),
  response_start: z.int(),
  answer_start: z.int(),
  answer_end: z.int(),
  mean_log_probability: z.number(),
});

/** A line of pairs.jsonl: a right and a wrong answer that the model gave to the same question. */
export const PairSchema = z.object({
  id: z.string(),
  group: z.string(),
  relation: z.string(),
  question: z.string(),
  aliases: z.array(z.string()),
  right: AnswerSchema,
  wrong: AnswerSchema,
});
export type AnswerPair = z.infer<typeof PairSchema>;

/**
 * Pairs within one question: of the mixed test questions, which the selection of cases throws away, the most frequent right
 * response and the most frequent wrong one among the samples that were drawn to their end. A detector that only knows hard
 * questions from easy ones cannot tell the two apart. Questions of a group that has a training question are left out.
 * @param questions in the order of asking: the first ones are taken
 * @param quota most pairs
 */
export async function makePairs(
  sampler: Sampler,
  spans: SpanExtractor,
  questions: SplitQuestion[],
  responses: Map<string, Response>,
  quota: number,
): Promise<AnswerPair[]> {
  const trained = new Set(questions.filter(({ split }) => split === 'train').map(({ group }) => group));
  const candidates = questions.flatMap((question) => {
    const response = responses.get(question.id);
    if (response?.class !== 'mixed' || question.split !== 'test' || trained.has(question.group)) return [];
    const right = mostFrequent(response.samples, 'faithful');
    const wrong = mostFrequent(response.samples, 'hallucinated');
    return right && wrong ? [{ question, samples: [right, wrong] }] : [];
  });
  const pairs: AnswerPair[] = [];
  for (let at = 0; at < candidates.length && pairs.length < quota; ) {
    const batch = candidates.slice(at, at + quota - pairs.length);
    at += batch.length;
    const items = batch.flatMap(({ question, samples }) => samples.map((sample) => ({ question, sample })));
    const read = await readAnswers(sampler, spans, items);
    batch.forEach(({ question: { id, group, relation, question, aliases } }, i) => {
      const [right, wrong] = [read[2 * i], read[2 * i + 1]];
      if (!right || !wrong) return;
      pairs.push(PairSchema.parse({ id, group, relation, question, aliases, right, wrong }));
    });
  }
  return pairs;
}

/** The pairs of a run, in order. */
export async function readPairs(path: string): Promise<AnswerPair[]> {
  return readRecords(path, PairSchema, 'not a pair of this version of hneurons; run collect again');
}

/** The pairs of a run with the mean CETT over the answer tokens of both, `[pairs, layers * ffn]`. */
export interface PairFeatures {
  pairs: AnswerPair[];
  right: RowMatrix;
  wrong: RowMatrix;
}

/** Reads `pairs.jsonl` and finds its rows in `pairs.safetensors`. */
export async function loadPairs(folder: RunFolder): Promise<PairFeatures> {
  const pairs = await readPairs(folder.file('pairs.jsonl'));
  const { layers, ffn } = folder.manifest.model;
  const columns = { right: layers * ffn, wrong: layers * ffn };
  return { pairs, ...(await openRows(folder.file('pairs.safetensors'), pairs.length, columns)) };
}
