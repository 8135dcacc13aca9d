import { z } from 'zod';
import { numberText } from '../formats/json.js';
import { BadList } from '../formats/list-cell.js';
import { fileBytes, jsonRecords, plainNames } from '../questions/records.js';
import { fromQid } from './names.js';

/** Something of a file that was left out, and why. */
export interface Skip {
  source: string;
  line?: number;
  id?: string;
  reason: string;
  /** Of a response whose answer tokens do not spell an answer: its script. */
  script?: string;
}

/** One question of a published file. */
export interface PublishedRecord {
  id: string;
  line: number;
  value: Record<string, unknown>;
}

/**
 * The questions of a JSON Lines file in the published form, `{qid: {…}}`, or flattened, `{id, …}`. Lines that are neither
 * are reported to `skip`.
 * @throws UserError when the file cannot be read.
 */
export async function* publishedRecords(
  path: string,
  skip: (skipped: Skip) => void,
): AsyncGenerator<PublishedRecord> {
  for await (const { line, value, error } of jsonRecords(fileBytes(path))) {
    if (error !== undefined) skip({ source: path, line, reason: error });
    else if (!isObject(value)) skip({ source: path, line, reason: 'not a JSON object' });
    else if (isFlat(value)) {
      const record = plainNames(value, READ);
      if (typeof record === 'string') skip({ source: path, line, reason: record });
      else yield { id: flatId(record, line), line, value: record };
    } else {
      const entries = Object.entries(value);
      if (entries.length === 0) skip({ source: path, line, reason: 'an empty object' });
      for (const [qid, inner] of entries) {
        const record = isObject(inner) ? plainNames(inner, READ) : 'not an object of a question';
        if (typeof record === 'string') skip({ source: path, line, id: qid, reason: record });
        else yield { id: fromQid(qid), line, value: record };
      }
    }
  }
}

/** Fields of which none may be there twice in different letters. */
const READ = [
  'question',
  'response',
  'responses',
  'judge',
  'judges',
  'answer_tokens',
  'ground_truth',
  'aliases',
];

/** True for a record that is a question, not an object of questions by id. */
export function isFlat(value: Record<string, unknown>): boolean {
  return Object.entries(value).some(
    ([key, field]) => typeof field === 'string' && /^\s*(question|response)\s*$/i.test(key),
  );
}

function flatId({ id: given, qid }: Record<string, unknown>, line: number): string {
  const id = given ?? qid;
  if (id === undefined || id === null || id === '') return `line-${line}`;
  return fromQid(typeof id === 'number' ? numberText(id) : String(id));
}

/** An id as text; an integer that a number cannot hold is one already. */
export const idField = z.union([z.string(), z.number().transform(numberText)], 'must be text or a number');

/** A list in whatever form a cell may have, read by a function of `list-cell`; undefined for an empty one. */
export function listField(name: string, read: (value: unknown, name: string) => string[]) {
  return z
    .unknown()
    .optional()
    .transform((value, context) => {
      if (value === undefined || value === null || value === '') return undefined;
      try {
        return read(value, name);
      } catch (error) {
        if (!(error instanceof BadList)) throw error;
        context.addIssue({ code: 'custom', message: error.message.replace(/^"[^"]*" /, '') });
        return z.NEVER;
      }
    });
}

/** What of a record fits no schema, in words. */
export function problemOf(error: z.ZodError, value: Record<string, unknown>): string {
  const [issue] = error.issues;
  const key = String(issue.path[0] ?? '');
  return key in value ? `"${issue.path.join('.')}": ${issue.message}` : `"${key}" is missing`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
