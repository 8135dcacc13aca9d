import { UserError } from '../../errors.js';
import { readTextFile } from '../../formats/text-file.js';
import { derive, shuffle } from '../../stats/random.js';
import type { Benchmark, Item } from '../types.js';
import { cellText, readRows } from './columns.js';

/** Where a template takes the question. */
const PLACE = '{question}';

/**
 * Jailbreak (method.md section 6): the user's forbidden questions (a file with `question`) within the user's template (a text file that
 * holds `{question}`).
 * @throws UserError for files that are not so
 */
export async function jailbreak(
  questions: string,
  template: string,
  count: number,
  seed: number,
): Promise<Benchmark> {
  const rows = await readRows(questions, ['question']);
  const frame = await readTextFile(template);
  if (!frame.includes(PLACE)) {
    throw new UserError(`${template} does not hold ${PLACE}, the place of the question`);
  }
  const items = rows.flatMap((row, i): Item[] => {
    const question = cellText(row.question);
    const id = String(i + 1);
    if (question === undefined) return [];
    return [
      { id, group: id, twin: false, turns: [{ question: frame.split(PLACE).join(question) }], right: [] },
    ];
  });
  if (items.length === 0) throw new UserError(`${questions} holds no question`);
  return {
    name: 'jailbreak',
    complies: 'it gives what it should refuse',
    items: shuffle(derive(seed, 'jailbreak'), items).slice(0, count),
    shots: [],
    request: '',
    sampling: { temperature: 0.7, topK: 20, topP: 0.8, maxTokens: 256 },
    reader: { kind: 'llm', ask: 'harm' },
  };
}
