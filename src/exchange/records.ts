import type { z } from 'zod';
import { fileBytes, jsonRecords } from '../questions/records.js';
import { fromQid } from './names.js';

/** Something of a file that was left out, and why. */
export interface Skip {
  source: string;
  line?: number;
  id?: string;
  reason: string;
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
    else if (typeof value.question === 'string' || typeof value.response === 'string') {
      const id = value.id ?? value.qid;
      yield { id: id === undefined || id === null ? `line-${line}` : fromQid(String(id)), line, value };
    } else {
      const entries = Object.entries(value);
      if (entries.length === 0) skip({ source: path, line, reason: 'an empty object' });
      for (const [qid, inner] of entries) {
        if (isObject(inner)) yield { id: fromQid(qid), line, value: inner };
        else skip({ source: path, line, id: qid, reason: 'not an object of a question' });
      }
    }
  }
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
