import { z } from 'zod';
import { words } from '../judge/normalise.js';
import { letterOf } from './choice-shots.js';
import { MAX_QUESTION, MAX_RESPONSE, tooLong } from './limits.js';
import type { Question } from './types.js';

/** More options than letters. */
const MOST_OPTIONS = 26;

const text = z.union([z.string(), z.number()], 'must be text').transform((value) => String(value).trim());
const optionalText = text
  .nullish()
  .transform((value) => (value === undefined || value === null || value === '' ? undefined : value));
const Row = z.object({
  question: text
    .refine((value) => value !== '', 'is empty')
    .refine((value) => value.length <= MAX_QUESTION, tooLong(MAX_QUESTION)),
  aliases: z.unknown().optional(),
  answer: z
    .union([z.string().max(MAX_RESPONSE, tooLong(MAX_RESPONSE)), z.number()], 'must be text')
    .nullish(),
  options: z.unknown().optional(),
  id: optionalText,
  relation: optionalText,
  split: z.enum(['train', 'test', 'validation', 'dev', ''], 'must be train or test').nullish(),
  kind: z.enum(['fabricated', 'choice', ''], 'must be fabricated, choice or nothing').nullish(),
});

/** Where a record stands, and how its lists are written. */
export interface RecordPlace {
  /** The id of a record without one. */
  id: string;
  relation: string;
  /** In CSV a list is one text: a JSON list, or texts with `|` between. */
  isCsv: boolean;
}

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
    const options = listed(row.options, place.isCsv, 'options');
    if (options.length > 0) return choice(shared, options, row.answer);
    if (row.kind === 'choice') return 'a choice without "options"';
    return open(shared, listed(row.aliases, place.isCsv, 'aliases'), row.answer);
  } catch (error) {
    if (error instanceof BadList) return error.message;
    throw error;
  }
}

type Shared = Pick<Question, 'id' | 'question' | 'relation' | 'split'>;

function open(
  shared: Shared,
  aliases: string[],
  answer: string | number | null | undefined,
): Question | string {
  const all = [...aliases, ...(answer === undefined || answer === null ? [] : [String(answer).trim()])];
  const accepted = [...new Set(all.filter((alias) => alias !== ''))];
  if (accepted.length === 0) return 'no accepted answer: "aliases" or "answer" is missing or empty';
  // Beside others it does no harm: it counts only as the whole response.
  if (accepted.every(isBare)) return `the accepted answer ${JSON.stringify(accepted[0])} is only punctuation`;
  return withKeys({ ...shared, aliases: accepted });
}

function isBare(alias: string): boolean {
  return /^[\s\p{P}]*$/u.test(alias) && words(alias).length === 0;
}

function choice(
  shared: Shared,
  options: string[],
  answer: string | number | null | undefined,
): Question | string {
  if (options.length < 2 || options.length > MOST_OPTIONS) {
    return `"options" must be 2 to ${MOST_OPTIONS} texts, not ${options.length}`;
  }
  if (options.includes('')) return 'an option is empty';
  if (answer === undefined || answer === null || answer === '')
    return 'no answer: "answer" is missing or empty';
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

class BadList extends Error {}

/**
 * The texts of a list. By hand, not by a schema: a public set has millions of aliases.
 * @throws BadList when it holds anything but texts and numbers
 */
function listed(value: unknown, isCsv: boolean, name: string): string[] {
  if (value === undefined || value === null || value === '') return [];
  if (Array.isArray(value)) return value.map((item, i) => asText(item, `${name}.${i}`));
  if (typeof value === 'object' && name === 'options') {
    // {"A": "…", "B": "…"}, whose keys may come in any order.
    const byLetter = Object.entries(value).filter(([, option]) => option !== null);
    return byLetter
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, option]) => asText(option, `${name}.${key}`));
  }
  if (typeof value !== 'string' && typeof value !== 'number')
    throw new BadList(`"${name}" must be a list of texts`);
  const text = asText(value, name);
  if (!isCsv) return [text];
  if (!text.startsWith('[')) return text.split('|').map((part) => part.trim());
  try {
    return z
      .array(z.unknown())
      .parse(JSON.parse(text))
      .map((item) => asText(item, name));
  } catch {
    throw new BadList(`"${name}" begins with [ but is not a JSON list of texts`);
  }
}

function asText(value: unknown, name: string): string {
  if (typeof value === 'string') {
    if (value.length > MAX_RESPONSE) throw new BadList(`"${name}" ${tooLong(MAX_RESPONSE)}`);
    return value.trim();
  }
  if (typeof value === 'number') return String(value);
  throw new BadList(`"${name}" must be text`);
}

/** Fixes the order of the keys, so that equal questions are equal as text. */
function withKeys({ id, question, aliases, relation, ...rest }: Question): Question {
  return { id, question, aliases, relation, ...rest };
}
