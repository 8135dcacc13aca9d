import { UserError } from '../../errors.js';
import { BadList, oneAnswer } from '../../formats/list-cell.js';
import { derive, shuffle } from '../../stats/random.js';
import { type Benchmark, greedy, type Item } from '../types.js';
import { cellText, readRows } from './columns.js';

/**
 * FalseQA (Hu et al. 2023): questions with a false premise, from a file with `question`, `answer` and `label` (1: false premise; the rows
 * with label 0 are left out: they are the same questions with the premise mended).
 * @throws UserError for a file without these columns, or without a question of label 1
 */
export async function falseQa(path: string, count: number, seed: number): Promise<Benchmark> {
  const rows = await readRows(path, ['question', 'answer', 'label']);
  const items = rows.flatMap((row, i): Item[] => {
    const question = cellText(row.question);
    if (question === undefined || !hasFalsePremise(row.label, `${path}, row ${i + 1}`)) return [];
    const id = String(i + 1);
    return [
      { id, group: id, twin: false, turns: [{ question }], right: explanations(cellText(row.answer) ?? '') },
    ];
  });
  if (items.length === 0) throw new UserError(`${path} holds no question with label 1 (false premise)`);
  return {
    name: 'falseqa',
    complies: 'it answers as if the false premise held',
    items: shuffle(derive(seed, 'falseqa'), items).slice(0, count),
    shots: [],
    request: '',
    sampling: greedy(96),
    reader: { kind: 'llm', ask: 'premise' },
  };
}

/** @throws UserError for a label that is neither 0 nor 1, nor false nor true */
function hasFalsePremise(label: unknown, place: string): boolean {
  const text = String(label ?? '')
    .trim()
    .toLowerCase();
  if (/^(?:1(?:\.0+)?|true)$/.test(text)) return true;
  if (/^(?:0(?:\.0+)?|false|)$/.test(text)) return false;
  throw new UserError(`${place}: the label is ${JSON.stringify(label)}; it must be 0 or 1 (false premise)`);
}

/** The set keeps its explanations as a Python list within the cell; they go to a judge, so other text is taken as it is. */
function explanations(cell: string): string[] {
  if (cell === '') return [];
  try {
    return oneAnswer(cell, 'answer').filter((text) => text !== '');
  } catch (error) {
    if (error instanceof BadList) return [cell];
    throw error;
  }
}
