import { UserError } from '../errors.js';
import { openParquet } from '../formats/parquet.js';
import type { Session } from '../models/types.js';
import { questionOf } from '../questions/record.js';
import type { Question } from '../questions/types.js';
import type { Chooser } from './choose.js';
import { type Fields, ownColumns } from './fields.js';
import { splitFiles } from './hub-files.js';
import type { HubSet } from './sets.js';
import type { Skipped } from './skipped.js';

/**
 * Puts the questions of a hub set into `chooser`, row group by row group. Rows without a usable question or answer, and those whose id came
 * before, are left out and counted in `skipped`.
 *
 * @param wanted the split of the run; both when undefined
 * @returns where the files came from
 */
export async function readHubSet(
  session: Session,
  { name, hub, fields }: { name: string; hub: HubSet; fields: Fields },
  wanted: Question['split'],
  chooser: Chooser,
  skipped: Skipped,
): Promise<string> {
  const ids = new Set<string>();
  let source = '';
  for (const [split, theirs] of Object.entries(hub.splits)) {
    if (wanted !== undefined && split !== 'all' && split !== wanted) continue;
    const files = await splitFiles(session, hub, theirs);
    source = files.source;
    let row = 0;
    for (const path of files.paths) {
      for await (const record of rowsOf(path, fields, session.signal)) {
        session.signal?.throwIfAborted();
        const place = { id: `${name}/${theirs}/${row}`, relation: name };
        row++;
        const question = questionOf(record, place);
        if (typeof question === 'string' || ids.has(question.id)) {
          const reason =
            typeof question === 'string' ? question : `id "${question.id}" is already used in an earlier row`;
          skipped.add(reason, `${theirs} row ${row}`);
          continue;
        }
        ids.add(question.id);
        chooser.add(split === 'all' ? question : { ...question, split: split as 'train' | 'test' });
      }
    }
  }
  return source;
}

async function* rowsOf(
  path: string,
  fields: Fields,
  signal?: AbortSignal,
): AsyncGenerator<Record<string, unknown>> {
  const own = ownColumns(fields);
  const file = await openParquet(path, signal);
  try {
    const missing = own.columns.filter((column) => !file.columns.includes(column));
    if (missing.length > 0) {
      throw new UserError(
        `${path} has no column ${missing.map((column) => `"${column}"`).join(', ')}: its columns are ${file.columns.join(', ')}; the set has changed since this version was made`,
      );
    }
    for await (const record of file.read(own.read)) {
      const renamed = own.rename(record);
      if (renamed !== undefined) yield renamed;
    }
  } finally {
    await file.close();
  }
}
