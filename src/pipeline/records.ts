import type { z } from 'zod';
import { UserError } from '../errors.js';
import { readJsonl } from '../formats/jsonl.js';

/**
 * The lines of a JSONL file of a run, in order.
 * @param what a line is, for the message, with what to do: `not a case of this version of hneurons; run collect again`
 * @param options.ignoreTorn leave out a last line that a killed process left unfinished
 * @throws UserError that names file and line where one is something else.
 */
export async function* recordLines<T>(
  path: string,
  schema: z.ZodType<T>,
  what: string,
  options: { ignoreTorn?: boolean } = {},
): AsyncGenerator<T> {
  for await (const { line, value } of readJsonl(path, options)) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new UserError(`${path}, line ${line}: ${what}`, { cause: parsed.error });
    yield parsed.data;
  }
}

/** All lines of a file, as {@link recordLines} reads them. */
export async function readRecords<T>(path: string, schema: z.ZodType<T>, what: string): Promise<T[]> {
  const records: T[] = [];
  for await (const record of recordLines(path, schema, what)) records.push(record);
  return records;
}
