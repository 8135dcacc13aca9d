import { z } from 'zod';
import { exactTexts } from '../formats/list-cell.js';
import { MAX_RESPONSE, tooLong } from '../questions/limits.js';
import { withoutRequest } from './names.js';
import { listField, problemOf, publishedRecords, type Skip } from './records.js';

/** A response with the tokens of its answer (extract_answer_tokens.py). */
export interface AnswerTokensItem {
  id: string;
  line: number;
  /** Without the request to answer only. */
  question: string;
  response: string;
  tokens: string[];
  answerTokens: string[];
  /** The published examples have none: their ids file says which answers are true. */
  judge?: 'true' | 'false';
}

const Row = z.object({
  question: z.string().trim().min(1, 'is empty'),
  response: z.string().max(MAX_RESPONSE, tooLong(MAX_RESPONSE)),
  tokenized_response: listField('tokenized_response', exactTexts),
  tokens: listField('tokens', exactTexts),
  answer_tokens: listField('answer_tokens', exactTexts).pipe(z.array(z.string(), 'must be a list of texts')),
  judge: z
    .union([z.boolean(), z.string()])
    .transform((value) => String(value).toLowerCase())
    .pipe(z.enum(['true', 'false'], 'must be true or false'))
    .optional(),
});

/**
 * Reads answer tokens: `{qid: {question, response, tokenized_response, answer_tokens}}` a line, with or without `judge`,
 * or flattened `{id, question, response, tokens, answer_tokens}`. What cannot be used is reported to `skip`.
 */
export async function readAnswerTokens(
  path: string,
  skip: (skipped: Skip) => void,
): Promise<AnswerTokensItem[]> {
  const items: AnswerTokensItem[] = [];
  for await (const { id, line, value } of publishedRecords(path, skip)) {
    const row = Row.safeParse(value);
    if (!row.success) {
      skip({ source: path, line, id, reason: problemOf(row.error, value) });
      continue;
    }
    const { question, response, tokenized_response, answer_tokens, judge } = row.data;
    const tokens = tokenized_response ?? row.data.tokens;
    if (tokens === undefined) {
      skip({ source: path, line, id, reason: '"tokenized_response" is missing' });
      continue;
    }
    items.push({
      id,
      line,
      question: withoutRequest(question),
      response,
      tokens,
      answerTokens: answer_tokens,
      ...(judge && { judge }),
    });
  }
  return items;
}

/** A line in the published form. */
export function answerTokensLine(qid: string, item: Omit<AnswerTokensItem, 'id' | 'line'>): unknown {
  const { question, response, tokens, answerTokens, judge } = item;
  return {
    [qid]: {
      question,
      response,
      tokenized_response: tokens,
      answer_tokens: answerTokens,
      ...(judge && { judge }),
    },
  };
}
