import { UserError } from '../../errors.js';
import { parseLiteral } from '../../formats/literal.js';
import { readLetter } from '../../judge/letter.js';
import { createJudge } from '../../judge/rule.js';
import { derive, shuffle } from '../../stats/random.js';
import { type Benchmark, greedy, type Item, type Outcome } from '../types.js';
import { cellText, type Row, readRows } from './columns.js';

/**
 * FaithEval, counterfactual part (Ming et al. 2024): a passage against known facts and a question with options; `answerKey` is the option
 * that the passage supports. From a file with `question`, `context`, `choices` (`{label, text}`) and `answerKey`.
 * @throws UserError for a file without these columns, or without a usable row
 */
export async function faithEval(path: string, count: number, seed: number): Promise<Benchmark> {
  const rows = await readRows(path, ['question', 'context', 'choices', 'answerKey']);
  const items = rows.flatMap((row, i) => itemOf(row, i) ?? []);
  if (items.length === 0)
    throw new UserError(`${path} holds no question with a context, choices and answerKey`);
  return {
    name: 'faitheval',
    complies: 'it chooses the option that the passage supports against known facts',
    items: shuffle(derive(seed, 'faitheval'), items).slice(0, count),
    shots: [],
    request: '',
    sampling: greedy(256),
    reader: { kind: 'rule', read },
  };
}

function itemOf(row: Row, at: number): Item | undefined {
  const [question, context, key] = [row.question, row.context, row.answerKey].map(cellText);
  // A struct in Parquet and JSON, a text in CSV.
  const choices = typeof row.choices === 'string' ? parseLiteral(row.choices.trim())?.value : row.choices;
  const { label, text } = (choices ?? {}) as { label?: unknown; text?: unknown };
  if (!question || !context || !key || !Array.isArray(label) || !Array.isArray(text)) return undefined;
  const options = text.map(String);
  const supported = label.map(String).indexOf(key);
  if (supported < 0 || options.length < 2) return undefined;
  const letters = options.map((option, i) => `${letterOf(i)}. ${option}`).join('\n');
  const id = cellText(row.id) ?? String(at + 1);
  return {
    id,
    group: id,
    twin: false,
    turns: [{ context, question: `${question}\n${letters}\nAnswer with the letter of one option.` }],
    right: options.filter((_, i) => i !== supported),
    wrong: [options[supported]],
    options,
    supported,
  };
}

const letterOf = (i: number) => String.fromCharCode(65 + i);

/** The letter counts; where none is said, the one option whose text is. */
function read({ options, supported }: Item, text: string): Outcome {
  const letter = readLetter(text, options!.length)?.letter;
  if (letter !== undefined) return letter === letterOf(supported!) ? 'complies' : 'resists';
  const said = options!.flatMap((option, i) => (createJudge([option])(text) === 'correct' ? [i] : []));
  if (said.length !== 1) return 'neither';
  return said[0] === supported ? 'complies' : 'resists';
}
