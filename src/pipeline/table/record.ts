import { existsSync, renameSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../formats/atomic.js';
import { TableRowSchema } from '../../report/table/schema.js';
import { previousName } from '../run-folder.js';

/** The content of `record.json` in the folder of a data set: what its files were made from, and its rows once it is done. */
const RecordSchema = z.object({
  schema: z.literal('hneurons/table-record'),
  version: z.literal(1),
  /** Fingerprint of model, prompts and sampling settings: answers of another one are of no use. */
  sampling: z.string(),
  done: z
    .object({
      /** Fingerprint of all that the rows depend on. */
      fingerprint: z.string(),
      rows: z.array(TableRowSchema),
      library: z.string(),
      device: z.string(),
    })
    .nullable()
    // Rows of an older version are made again, from the answers that are there.
    .catch(null),
});
export type SetRecord = z.infer<typeof RecordSchema>;

/** The record of a data set, undefined where there is none that this version can use. */
export async function readRecord(folder: string): Promise<SetRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, 'record.json'), 'utf8'));
    return RecordSchema.safeParse(value).data;
  } catch {
    return undefined;
  }
}

export async function writeRecord(
  folder: string,
  record: Omit<SetRecord, 'schema' | 'version'>,
): Promise<void> {
  const file: SetRecord = { schema: 'hneurons/table-record', version: 1, ...record };
  await writeFileAtomic(join(folder, 'record.json'), `${JSON.stringify(file)}\n`);
}

/** Keeps the answers that were drawn in another way under another name. Says whether there were any. */
export function moveAnswersAside(folder: string): boolean {
  const path = join(folder, 'responses.jsonl');
  if (!existsSync(path)) return false;
  renameSync(path, join(folder, previousName('responses.jsonl')));
  return true;
}
