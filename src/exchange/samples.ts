import { z } from 'zod';
import { answerTexts, exactTexts } from '../formats/list-cell.js';
import { MAX_RESPONSE, tooLong } from '../questions/limits.js';
import type { PublishedJudge } from './names.js';
import { withoutRequest } from './names.js';
import { listField, problemOf, publishedRecords, type Skip } from './records.js';

/** A question with its judged samples (collect_responses.py). */
export interface SamplesItem {
  id: string;
  line: number;
  /** Without the request to answer only. */
  question: string;
  aliases: string[];
  responses: string[];
  judges: Exclude<PublishedJudge, 'error'>[];
}

const Judge = z
  .union([z.boolean(), z.string()])
  .transform((value) => String(value).toLowerCase())
  .pipe(z.enum(['true', 'false', 'uncertain', 'error'], 'must be true, false, uncertain or error'));

/** `judges` and `ground_truth` as published, `judged` and `aliases` where the file was flattened. */
const Row = z
  .object({
    question: z.string().trim().min(1, 'is empty'),
    responses: listField('responses', exactTexts).pipe(
      z.array(z.string().max(MAX_RESPONSE, tooLong(MAX_RESPONSE))).min(1, 'is empty'),
    ),
    judges: z.array(Judge).optional(),
    judged: z.array(Judge).optional(),
    ground_truth: listField('ground_truth', answerTexts),
    aliases: listField('aliases', answerTexts),
  })
  .transform(({ judges, judged, ground_truth, aliases, ...rest }) => ({
    ...rest,
    judges: judges ?? judged,
    aliases: ground_truth ?? aliases ?? [],
  }));

/**
 * Reads response samples: `{qid: {question, responses, judges, ground_truth}}` a line, or flattened `{id, question, aliases,
 * responses, judged}`. What cannot be used is reported to `skip`.
 */
export async function readSamples(path: string, skip: (skipped: Skip) => void): Promise<SamplesItem[]> {
  const items: SamplesItem[] = [];
  for await (const { id, line, value } of publishedRecords(path, skip)) {
    const leave = (reason: string) => skip({ source: path, line, id, reason });
    const row = Row.safeParse(value);
    if (!row.success) {
      leave(problemOf(row.error, value));
      continue;
    }
    const { question, responses, judges, aliases } = row.data;
    if (judges === undefined) leave('"judges" is missing');
    else if (judges.length !== responses.length) {
      leave(`${responses.length} responses, but ${judges.length} judges`);
    } else {
      const known = judges.filter((judge) => judge !== 'error');
      if (known.length < judges.length) leave('its judge failed on a response ("error")');
      else items.push({ id, line, question: withoutRequest(question), aliases, responses, judges: known });
    }
  }
  return items;
}

/** A line in the published form. */
export function samplesLine(
  qid: string,
  item: Pick<SamplesItem, 'question' | 'responses' | 'aliases'> & { judges: PublishedJudge[] },
): unknown {
  const { question, responses, judges, aliases } = item;
  return { [qid]: { question, responses, judges, ground_truth: aliases } };
}
