import { parseLiteral } from '../formats/literal.js';
import { letterOf } from '../questions/choice-shots.js';
import type { OwnColumns } from '../questions/load.js';

/** Which columns of a set hold what. A dot leads into a struct: `answer.aliases`. */
export interface Fields {
  id?: string;
  question: string;
  /** Accepted answers, the preferred one first; each is a text or a list, nested or not. */
  aliases?: string[];
  /** Of a choice: a list, an object by letter, or one column for each option. */
  options?: string[];
  /** Of a choice: the letter, or the number of the right option counted from 0; negative where it is kept secret. */
  answer?: string;
  relation?: string;
  /** Records with another value are no questions of the set. */
  only?: { column: string; value: string };
}

/** How records with the columns of a set become records with the usual ones. */
export function ownColumns(fields: Fields): OwnColumns {
  const { question, aliases = [], options = [], answer, id, relation, only } = fields;
  const needed = [
    question,
    ...aliases,
    ...options,
    ...(answer ? [answer] : []),
    ...(only ? [only.column] : []),
  ];
  const extra = [id, relation].filter((path) => path !== undefined);
  return {
    columns: heads(needed),
    read: [...new Set([...needed, ...extra, 'split'])],
    rename: (record) => rename(record, fields),
  };
}

function heads(paths: string[]): string[] {
  return [...new Set(paths.map((path) => path.split('.')[0]))];
}

function rename(record: Record<string, unknown>, fields: Fields): Record<string, unknown> | undefined {
  const { only } = fields;
  if (only && pick(record, only.column) !== only.value) return undefined;
  return {
    id: fields.id && pick(record, fields.id),
    question: pick(record, fields.question),
    relation: fields.relation && pick(record, fields.relation),
    split: record.split,
    ...(fields.answer
      ? { options: optionsOf(record, fields), answer: letter(pick(record, fields.answer)) }
      : { aliases: fields.aliases?.flatMap((path) => texts(pick(record, path))) }),
  };
}

function pick(record: unknown, path: string): unknown {
  let value = record;
  for (const key of path.split('.')) {
    // In CSV a struct is a text.
    const struct = typeof value === 'string' ? parseLiteral(value.trim())?.value : value;
    value = (struct as Record<string, unknown> | null | undefined)?.[key];
  }
  return value;
}

/** The texts of a value, however deep its lists are. */
function texts(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? value.flatMap(texts) : [value];
}

function optionsOf(record: Record<string, unknown>, { options = [] }: Fields): unknown {
  return options.length === 1 ? pick(record, options[0]) : options.map((path) => pick(record, path));
}

function letter(value: unknown): unknown {
  if (typeof value !== 'number') return value;
  return value >= 0 ? letterOf(value) : undefined;
}
