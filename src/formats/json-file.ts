import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { fileError } from './file-error.js';

/**
 * Reads a JSON file that this program wrote, and checks it. Fields that `schema` does not name are dropped.
 * @param remedy what to do about a damaged file, as it follows a semicolon
 * @throws UserError that names the file and what is wrong
 */
export async function readJsonFile<T>(path: string, schema: z.ZodType<T>, remedy: string): Promise<T> {
  const parsed = schema.safeParse(await parseJsonFile(path, remedy));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue.path.length > 0 ? ` at ${issue.path.join('.')}` : '';
  throw new UserError(`${path} is damaged${where}, or from another version; ${remedy}`, {
    cause: parsed.error,
  });
}

/** The content of a JSON file, unchecked. @throws UserError as {@link readJsonFile} */
export async function parseJsonFile(path: string, remedy: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${path} is damaged (not valid JSON); ${remedy}`, { cause });
  }
}
