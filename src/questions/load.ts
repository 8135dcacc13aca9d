import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { words } from '../judge/normalise.js';
import { csvRecords, type FileRecord, jsonRecords } from './records.js';
import type { Question } from './types.js';

/** So many broken lines are named; the others are counted. */
const NAMED_PROBLEMS = 5;

const text = z.union([z.string(), z.number()], 'must be text').transform((value) => String(value).trim());
const optionalText = text
  .nullish()
  .transform((value) => (value === undefined || value === null || value === '' ? undefined : value));
const Row = z.object({
  question: text.refine((value) => value !== '', 'is empty'),
  aliases: z.union([z.array(text), text], 'must be a list of texts').nullish(),
  answer: text.nullish(),
  id: optionalText,
  relation: optionalText,
});

/**
 * Reads questions from a JSON Lines or CSV file (UTF-8, with or without a byte order mark). The columns or keys are `question`, `aliases`
 * (a list; in CSV a JSON list or texts with `|` between) or `answer`, and optionally `id` (default: `line-N`) and `relation`
 * (default: `all`). With both `aliases` and `answer`, all of them are accepted. Others are ignored. A file is CSV when its name ends in .csv or .tsv, or
 * when it does not begin with `{`. The order of the file is kept.
 *
 * @throws UserError for a file that cannot be read, holds no question or lacks a column, and for broken lines: the first few
 *   are named with line number and reason, all are counted
 */
export async function loadQuestions(path: string): Promise<Question[]> {
  const questions: Question[] = [];
  const lineOfId = new Map<string, number>();
  const problems: string[] = [];
  let broken = 0;
  const report = (line: number, reason: string) => {
    broken++;
    if (problems.length < NAMED_PROBLEMS) problems.push(`line ${line}: ${reason}`);
  };

  const isCsv = await looksLikeCsv(path);
  const records = isCsv ? csvRecords(path, readFile(path)) : jsonRecords(readFile(path));
  for await (const record of records) {
    const { line } = record;
    const question = toQuestion(record, isCsv);
    if (typeof question === 'string') {
      report(line, question);
    } else if (lineOfId.has(question.id)) {
      report(line, `id "${question.id}" is already used in line ${lineOfId.get(question.id)}`);
    } else {
      lineOfId.set(question.id, line);
      questions.push(question);
    }
  }

  if (broken > 0) {
    const more = broken > problems.length ? `; and ${broken - problems.length} more` : '';
    throw new UserError(
      `${path} has ${broken} broken ${broken === 1 ? 'line' : 'lines'}: ${problems.join('; ')}${more}. Correct or remove ${broken === 1 ? 'it' : 'them'}`,
    );
  }
  if (questions.length === 0) {
    throw new UserError(
      `${path} holds no questions: give one a line, as {"question": "…", "aliases": ["…"]} or as CSV with these columns`,
    );
  }
  return questions;
}

/** The question of a record, or the reason why it is none. */
function toQuestion({ line, value, error }: FileRecord, isCsv: boolean): Question | string {
  if (error !== undefined) return error;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return 'not a JSON object with "question" and "aliases"';
  }
  const parsed = Row.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const key = String(issue.path[0]);
    return key in value ? `"${issue.path.join('.')}" ${issue.message}` : `"${key}" is missing`;
  }
  const { question, aliases, answer, id = `line-${line}`, relation = 'all' } = parsed.data;
  let listed: string[];
  try {
    listed = typeof aliases === 'string' ? (isCsv ? splitAliases(aliases) : [aliases]) : (aliases ?? []);
  } catch {
    return '"aliases" begins with [ but is not a JSON list of texts';
  }
  const accepted = [...new Set([...listed, ...(answer ? [answer] : [])].filter((alias) => alias !== ''))];
  if (accepted.length === 0) return 'no accepted answer: "aliases" or "answer" is missing or empty';
  const bare = accepted.find((alias) => words(alias).length === 0 && /^[\s\p{P}]*$/u.test(alias));
  if (bare !== undefined) return `the accepted answer ${JSON.stringify(bare)} is only punctuation`;
  return { id, question, aliases: accepted, relation };
}

function splitAliases(cell: string): string[] {
  if (cell.startsWith('[')) return z.array(text).parse(JSON.parse(cell));
  return cell.split('|').map((alias) => alias.trim());
}

async function looksLikeCsv(path: string): Promise<boolean> {
  if (/\.[ct]sv$/i.test(path)) return true;
  if (/\.(jsonl|ndjson)$/i.test(path)) return false;
  const file = await open(path, 'r').catch((error) => {
    throw fileError(error, 'read', path);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    return !buffer
      .toString('utf8', 0, bytesRead)
      .replace(/^\ufeff/, '')
      .trimStart()
      .startsWith('{');
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

/** The bytes of a file, piece by piece. */
async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}
