import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { parseJson } from '../formats/json.js';
import { readTextFile } from '../formats/text-file.js';
import { fromQid, toQid } from './names.js';
import { idField } from './records.js';

const Ids = z.object({ t: z.array(idField), f: z.array(idField) });

/**
 * Reads balanced ids (sample_balanced_ids.py), `{"t": […], "f": […]}`: the questions to use, by whether their answer is
 * true.
 * @throws UserError when the file is not of this form, or an id stands twice.
 */
export async function readIds(path: string): Promise<Map<string, 'true' | 'false'>> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw new UserError(`${path} is not valid JSON (${(cause as Error).message})`, { cause });
  }
  const parsed = Ids.safeParse(value);
  if (!parsed.success) {
    throw new UserError(`${path} is no file of balanced ids: it needs {"t": [ids], "f": [ids]}`, {
      cause: parsed.error,
    });
  }
  const ids = new Map<string, 'true' | 'false'>();
  for (const [judge, list] of [
    ['true', parsed.data.t],
    ['false', parsed.data.f],
  ] as const) {
    for (const id of list.map(fromQid)) {
      if (ids.has(id)) throw new UserError(`${path} has the id ${JSON.stringify(id)} twice; remove one`);
      ids.set(id, judge);
    }
  }
  return ids;
}

/** Writes balanced ids. */
export async function writeIds(path: string, ids: { true: string[]; false: string[] }): Promise<void> {
  const content = { t: ids.true.map(toQid), f: ids.false.map(toQid) };
  await writeFileAtomic(path, `${JSON.stringify(content, null, 4)}\n`);
}
