import { z } from 'zod';
import { numberText } from '../formats/json.js';
import { answerTexts, BadList, listTexts, oneAnswer } from '../formats/list-cell.js';
import { parseLiteral } from '../formats/literal.js';
import { words } from '../judge/normalise.js';
import { letterOf } from './choice-shots.js';
import { MAX_QUESTION, MAX_RESPONSE, tooLong } from './limits.js';
import type { Question } from './types.js';

/** More options than letters. */
const MOST_OPTIONS = 26;

const text = z
  .union([z.string(), z.number()], 'must be text')
  .transform((value) => (typeof value === 'number' ? numberText(value) : value.trim()));
const optionalText = text
  .nullish()
  .transform((value) => (value === undefined || value === null || value === '' ? undefined : value));
const Row = z.object({
  question: text
    .refine((value) => value !== '', 'is empty')
    .refine((value) => value.length <= MAX_QUESTION, tooLong(MAX_QUESTION)),
  aliases: z.unknown().optional(),
  answer: z.unknown().optional(),
  answers: z.unknown().optional(),
  possible_answers: z.unknown().optional(),
  options: z.unknown().optional(),
  id: optionalText,
  relation: optionalText,
  split: z.enum(['train', 'test', 'validation', 'dev', ''], 'must be train or test').nullish(),
  kind: z.enum(['fabricated', 'choice', ''], 'must be fabricated, choice or nothing').nullish(),
});

/** What a record without id or relation gets. */
export interface RecordPlace {
  id: string;
  relation: string;
}

/** Lists of accepted answers under the names of public sets, read where there is neither `aliases` nor `answer`. */
const OTHER_ANSWERS = ['answers', 'possible_answers'] as const;

/**
 * The question of a record with the columns that README names, or the reason why it is none. A record with `options` is a
 * choice: its `answer` is the letter, the text of an option, or its number counted from 0; one that could be both is refused.
 */
export function questionOf(value: unknown, place: RecordPlace): Question | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'not a JSON object with "question" and "aliases"';
  }
  const parsed = Row.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = String(issue.path[0]);
    return key in value ? `"${issue.path.join('.')}" ${issue.message}` : `"${key}" is missing`;
  }
  const row = parsed.data;
  const shared = {
    id: row.id ?? place.id,
    question: row.question,
    relation: row.relation ?? place.relation,
    ...(row.split ? { split: row.split === 'train' ? ('train' as const) : ('test' as const) } : {}),
  };
  try {
    if (row.kind === 'fabricated') return withKeys({ ...shared, aliases: [], kind: 'fabricated' });
    const options = optionTexts(row.options);
    if (options.length > 0) return choice(shared, options, row.answer);
    if (row.kind === 'choice') return 'a choice without "options"';
    const named = OTHER_ANSWERS.find((name) => row[name] !== undefined);
    const other = row.aliases === undefined && row.answer === undefined ? named : undefined;
    const aliases = other ? answerTexts(row[other], other) : answerTexts(row.aliases, 'aliases');
    return open(shared, [...aliases, ...oneAnswer(row.answer, 'answer')]);
  } catch (error) {
    if (error instanceof BadList) return error.message;
    throw error;
  }
}

type Shared = Pick<Question, 'id' | 'question' | 'relation' | 'split'>;

function open(shared: Shared, all: string[]): Question | string {
  const accepted = [...new Set(all.map((alias) => alias.trim()).filter((alias) => alias !== ''))];
  if (accepted.length === 0) return 'no accepted answer: "aliases" or "answer" is missing or empty';
  if (accepted.some((alias) => alias.length > MAX_RESPONSE))
    return `an accepted answer ${tooLong(MAX_RESPONSE)}`;
  // Beside others it does no harm: it counts only as the whole response.
  if (accepted.every(isBare)) return `the accepted answer ${JSON.stringify(accepted[0])} is only punctuation`;
  return withKeys({ ...shared, aliases: accepted });
}

function isBare(alias: string): boolean {
  return /^[\s\p{P}]*$/u.test(alias) && words(alias).length === 0;
}

function choice(shared: Shared, options: string[], answer: unknown): Question | string {
  if (options.length < 2 || options.length > MOST_OPTIONS) {
    return `"options" must be 2 to ${MOST_OPTIONS} texts, not ${options.length}`;
  }
  if (options.includes('')) return 'an option is empty';
  if (options.some((option) => option.length > MAX_RESPONSE)) return `an option ${tooLong(MAX_RESPONSE)}`;
  if (answer === undefined || answer === null || answer === '')
    return 'no answer: "answer" is missing or empty';
  if (typeof answer !== 'string' && typeof answer !== 'number') return '"answer" must be text';
  const index = optionIndex(options, String(answer).trim());
  if (index === 'both')
    return `the answer ${answer} is the text of one option and the number of another: give the letter`;
  if (index === undefined) return `the answer ${JSON.stringify(answer)} is none of the options`;
  return withKeys({ ...shared, aliases: [letterOf(index)], kind: 'choice', options });
}

function optionIndex(options: string[], answer: string): number | 'both' | undefined {
  const letter = /^[A-Za-z]$/.test(answer) ? answer.toUpperCase().charCodeAt(0) - 65 : options.length;
  if (letter < options.length) return letter;
  const named = options.includes(answer) ? options.indexOf(answer) : undefined;
  const numbered = /^\d+$/.test(answer) && Number(answer) < options.length ? Number(answer) : undefined;
  if (named !== undefined && numbered !== undefined && named !== numbered) return 'both';
  return named ?? numbered;
}

/** The texts of a list of options, or of an object by letter, whose keys may come in any order. */
function optionTexts(value: unknown): string[] {
  const cell =
    typeof value === 'string' && value.trim().startsWith('{') ? parseLiteral(value.trim())?.value : value;
  if (typeof cell !== 'object' || cell === null || Array.isArray(cell)) return listTexts(value, 'options');
  return Object.entries(cell)
    .filter(([, option]) => option !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, option]) => {
      if (typeof option === 'string') return option.trim();
      if (typeof option === 'number') return numberText(option);
      throw new BadList(`"options.${key}" must be text`);
    });
}

/** Fixes the order of the keys, so that equal questions are equal as text. */
function withKeys({ id, question, aliases, relation, ...rest }: Question): Question {
  return { id, question, aliases, relation, ...rest };
}
