import { statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { numberText } from '../formats/json.js';
import { readJsonl } from '../formats/jsonl.js';
import { answerTexts, BadList, exactTexts, listElements, oneAnswer } from '../formats/list-cell.js';
import type { JudgeItem, Judgement } from '../judge/types.js';
import {
  csvRecords,
  documentRecords,
  type FileRecord,
  fileBytes,
  jsonRecords,
  parquetRecords,
  withPlainNames,
} from '../questions/records.js';

/** A response that is to be judged, with its place. */
export interface PlacedItem extends JudgeItem {
  /** The question's id, or `line-N`. */
  id: string;
  /** Number of the response among those of its question. */
  index: number;
  /** The verdict that the file itself holds. */
  given?: Judgement['verdict'];
}

/** A judged response: one line of the file that `hneurons judge` writes. */
export const JudgedSchema = z.object({
  id: z.string(),
  index: z.int(),
  question: z.string(),
  response: z.string(),
  verdict: z.enum(['correct', 'wrong', 'uncertain', 'failed']),
  judge: z.string(),
  promptVersion: z.string().optional(),
  raw: z.string().optional(),
});
export type Judged = z.infer<typeof JudgedSchema>;

/** So many broken lines are named; the others are counted. */
const NAMED_PROBLEMS = 5;

const text = z.union([z.string(), z.number().transform(numberText)], 'must be text');
/** Verdicts under our names, or true and false, as JSON, Python and pandas write them. */
const Given = z
  .union([z.boolean(), z.string()])
  .transform((value) => String(value).trim().toLowerCase())
  .pipe(z.enum(['correct', 'wrong', 'uncertain', 'true', 'false']))
  .transform((value) => (value === 'true' ? 'correct' : value === 'false' ? 'wrong' : value));
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' || value === null ? undefined : value), schema.optional());
const Row = z.object({
  id: optional(text),
  question: text,
  aliases: z.unknown().optional(),
  answer: z.unknown().optional(),
  response: text.nullish(),
  responses: z.unknown().optional(),
  verdict: optional(Given),
  judged: z.preprocess(
    (value) =>
      typeof value === 'string' && value.trim().startsWith('[') ? listElements(value, 'judged') : value,
    optional(z.union([z.array(Given), Given])),
  ),
});
const COLUMNS = Object.keys(Row.shape);

/**
 * Reads responses to be judged: a run folder, or a JSONL, JSON, CSV or Parquet file with `question`, `aliases` or `answer`, `response` (or
 * `responses`, a list), and optionally `id` and the verdicts that there are already (`verdict`; `judged`, a list in step with `responses`).
 *
 * @throws UserError for a file that cannot be read or holds nothing, and for broken lines: the first few are named, all are counted
 */
export async function readJudgeItems(path: string): Promise<PlacedItem[]> {
  const items = isFolder(path) ? await readRun(path) : await readFile(path);
  if (items.length === 0) throw new UserError(`${path} holds no response`);
  return items;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw fileError(error, 'read', path);
  }
}

async function readFile(path: string): Promise<PlacedItem[]> {
  const items: PlacedItem[] = [];
  const lineOfId = new Map<string, number>();
  const problems: string[] = [];
  let broken = 0;
  for await (const record of await openRecords(path)) {
    const found = toItems(withPlainNames(record, COLUMNS));
    const known = typeof found === 'string' ? undefined : lineOfId.get(found[0].id);
    const problem =
      typeof found === 'string'
        ? found
        : known !== undefined
          ? `id "${found[0].id}" is already used in line ${known}`
          : undefined;
    if (problem !== undefined) {
      broken++;
      if (problems.length < NAMED_PROBLEMS) problems.push(`line ${record.line}: ${problem}`);
    } else if (typeof found !== 'string') {
      lineOfId.set(found[0].id, record.line);
      for (const item of found) items.push(item);
    }
  }
  if (broken > 0) {
    const more = broken > problems.length ? `; and ${broken - problems.length} more` : '';
    throw new UserError(
      `${path} has ${broken} broken ${broken === 1 ? 'line' : 'lines'}: ${problems.join('; ')}${more}`,
    );
  }
  return items;
}

async function openRecords(path: string): Promise<AsyncIterable<FileRecord> | Iterable<FileRecord>> {
  // Its lines are checked one by one.
  const check = () => {};
  if (/\.parquet$/i.test(path)) return parquetRecords(path, COLUMNS, check);
  if (/\.[ct]sv$/i.test(path)) return csvRecords(path, fileBytes(path), check);
  const document = /\.json$/i.test(path) ? await documentRecords(path) : undefined;
  return document ?? jsonRecords(fileBytes(path));
}

/** The responses of a record, or the reason why there are none. */
function toItems(record: FileRecord): PlacedItem[] | string {
  if (record.error !== undefined) return record.error;
  try {
    return itemsOf(record);
  } catch (error) {
    if (error instanceof BadList) return error.message;
    throw error;
  }
}

/** @throws BadList for a list that cannot be read */
function itemsOf({ line, value }: FileRecord): PlacedItem[] | string {
  const parsed = Row.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return issue.path.length === 0 ? 'not a JSON object' : `"${issue.path.join('.')}" is missing or wrong`;
  }
  const { id, question, aliases, answer, response, responses, verdict, judged } = parsed.data;
  const accepted = [...answerTexts(aliases, 'aliases'), ...oneAnswer(answer, 'answer')].filter(
    (alias) => alias.trim() !== '',
  );
  if (accepted.length === 0) return 'no accepted answer: "aliases" or "answer" is missing or empty';
  const several = exactTexts(responses, 'responses');
  const list = several.length > 0 || response === null || response === undefined ? several : [response];
  if (list.length === 0) return 'no "response" and no "responses"';
  const given = Array.isArray(judged) ? judged : [verdict ?? judged ?? undefined];
  if (Array.isArray(judged) && judged.length !== list.length) {
    return `${judged.length} verdicts in "judged" for ${list.length} responses`;
  }
  return list.map((one, index) => ({
    ...{ id: id ?? `line-${line}`, index, question, aliases: accepted, response: one },
    given: given[index],
  }));
}

// Only what is needed here: a run's files have more, which other versions may have otherwise.
const QuestionLine = z.object({ id: z.string(), question: z.string(), aliases: z.array(z.string()) });
const ResponseLine = z.object({
  id: z.string(),
  samples: z.array(
    z.object({
      index: z.int(),
      text: z.string(),
      verdict: z.enum(['correct', 'wrong', 'uncertain', 'failed']),
    }),
  ),
});

async function readRun(folder: string): Promise<PlacedItem[]> {
  const questions = new Map<string, z.infer<typeof QuestionLine>>();
  for await (const question of runLines(join(folder, 'questions.jsonl'), QuestionLine)) {
    questions.set(question.id, question);
  }
  const items: PlacedItem[] = [];
  const path = join(folder, 'responses.jsonl');
  for await (const response of runLines(path, ResponseLine)) {
    const question = questions.get(response.id);
    if (!question) throw new UserError(`${path}: the question ${response.id} is not in questions.jsonl`);
    for (const { index, text, verdict } of response.samples) {
      const { id, aliases } = question;
      items.push({ id, index, question: question.question, aliases, response: text, given: verdict });
    }
  }
  return items;
}

async function* runLines<S extends z.ZodType>(path: string, schema: S): AsyncGenerator<z.infer<S>> {
  for await (const { line, value } of readJsonl(path, { ignoreTorn: true })) {
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw new UserError(`${path}, line ${line}: not a line of a run folder`);
    yield parsed.data;
  }
}

/**
 * Reads a file that `hneurons judge` wrote.
 * @throws UserError for a line that is no judgement, and for one that is there twice
 */
export async function readJudged(path: string): Promise<Judged[]> {
  const judged: Judged[] = [];
  const seen = new Set<string>();
  for await (const { line, value } of readJsonl(path)) {
    const parsed = JudgedSchema.safeParse(value);
    if (!parsed.success) {
      throw new UserError(
        `${path}, line ${line}: not a judgement as \`hneurons judge\` writes it ("${parsed.error.issues[0].path.join('.')}")`,
      );
    }
    const key = JSON.stringify([parsed.data.id, parsed.data.index]);
    if (seen.has(key)) {
      throw new UserError(
        `${path}, line ${line}: response ${parsed.data.index} of ${parsed.data.id} is there twice`,
      );
    }
    seen.add(key);
    judged.push(parsed.data);
  }
  if (judged.length === 0) throw new UserError(`${path} holds no judgement`);
  return judged;
}
