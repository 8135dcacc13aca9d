import { numberText } from './json.js';
import { parseLiteral } from './literal.js';

/** A list that cannot be read; the message names the field. */
export class BadList extends Error {}

/** Fields of objects that hold accepted answers: TriviaQA's `{value, aliases}`, SQuAD's `{text: […]}`. */
const ANSWER_FIELDS = ['value', 'aliases', 'text'];

/** How a list or an object in a text begins; NumPy's `array([…])` among them. */
const STRUCTURED = /^(?:[[{(]|(?:np\.|numpy\.)?array\()/;

/**
 * The elements of a list as files hold it: a list, or a text with a JSON, Python or NumPy list, or with `|` between elements. An
 * object with answers in it is an element. Every reader of files uses this, so that the same cell means the same everywhere.
 * @throws BadList for a text that begins like a list but is none, and for anything else
 */
export function listElements(value: unknown, name: string): unknown[] {
  if (isMissing(value)) return [];
  if (Array.isArray(value)) return value;
  if (isObject(value) || typeof value === 'number') return [value];
  if (typeof value !== 'string') throw new BadList(`"${name}" must be a list of texts`);
  const text = value.trim();
  const literal = STRUCTURED.test(text) ? parseLiteral(text)?.value : undefined;
  if (isObject(literal)) return [literal];
  if (Array.isArray(literal) && (!text.startsWith('(') || literal.every(isText))) return literal;
  if (beginsList(text)) {
    throw new BadList(
      `"${name}" begins with [ but is not a list of texts in JSON or Python: write ["…", "…"], also around one text in brackets`,
    );
  }
  return text.split('|').map((part) => part.trim());
}

/** The texts of a list, without white space around them. */
export function listTexts(value: unknown, name: string): string[] {
  return listElements(value, name).map((item, i) => elementText(item, `${name}.${i}`).trim());
}

/** The texts of a list as they are: tokens begin with spaces. */
export function exactTexts(value: unknown, name: string): string[] {
  return listElements(value, name).map((item, i) => elementText(item, `${name}.${i}`));
}

/** Accepted answers of a list field, from lists in lists and objects too. Missing values within it (`null`, `nan`) are left out. */
export function answerTexts(value: unknown, name: string): string[] {
  return listElements(value, name).flatMap((item, i) => oneAnswer(item, `${name}.${i}`));
}

/**
 * Accepted answers of a field for a single one, such as `answer`. A text that is a list of quoted texts is that list; `[redacted]` and
 * `[1, 2]` are the text itself.
 */
export function oneAnswer(value: unknown, name: string): string[] {
  if (isMissing(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item, i) => oneAnswer(item, `${name}.${i}`));
  if (isObject(value)) {
    const fields = ANSWER_FIELDS.filter((field) => Object.hasOwn(value, field));
    if (fields.length === 0) throw new BadList(`"${name}" must be text`);
    return fields.flatMap((field) => oneAnswer(value[field], `${name}.${field}`));
  }
  if (typeof value !== 'string') return [elementText(value, name)];
  const text = value.trim();
  const literal = STRUCTURED.test(text) ? parseLiteral(text)?.value : undefined;
  if (isObject(literal) || (Array.isArray(literal) && textsOnly(literal))) return oneAnswer(literal, name);
  if (/^\[\s*['"]/.test(text)) {
    throw new BadList(`"${name}" begins with [ and a quotation mark but is not a list in JSON or Python`);
  }
  return [text];
}

/** True if text stands in each place of a list, however deep, missing values aside. */
function textsOnly(list: unknown[]): boolean {
  return list.every((item) => item === null || isText(item) || (Array.isArray(item) && textsOnly(item)));
}

/** True if a text must be a list: it ends like one, is cut off, or its first element is quoted. */
function beginsList(text: string): boolean {
  return /^\[(?:.*\]$|[^\]]*$|\s*['"[])|^(?:np\.|numpy\.)?array\(/s.test(text);
}

/** Empty cells, and what pandas writes for a missing value. */
function isMissing(value: unknown): boolean {
  if (typeof value === 'number') return Number.isNaN(value);
  return value === undefined || value === null || value === '' || value === 'nan' || value === '<NA>';
}

function elementText(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return numberText(value);
  throw new BadList(`"${name}" must be text`);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
