import { parseJson } from './json.js';

/** Deeper nesting is no list of texts, and would overflow the stack. */
const MAX_DEPTH = 16;
const NAMES: Record<string, unknown> = {
  None: null,
  null: null,
  nan: null,
  NaN: null,
  '<NA>': null,
  True: true,
  true: true,
  False: false,
  false: false,
};
const CLOSING: Record<string, string> = { '[': ']', '(': ')', '{': '}' };
const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '\n': '',
};

/**
 * Reads a list or an object that stands in a cell as text: JSON, or as Python, NumPy and pandas print it
 * (`['Lima', "L'Aquila"]`, `['a' 'b']`, `{'text': array(['Lima'], dtype=object)}`). Missing values (`None`, `nan`) become null.
 * @returns undefined for any other text
 */
export function parseLiteral(text: string): { value: unknown } | undefined {
  try {
    return { value: parseJson(text) };
  } catch {
    // Not JSON.
  }
  const reader = { text, at: 0 };
  try {
    const value = readValue(reader, 0);
    skipSpace(reader);
    return reader.at === text.length ? { value } : undefined;
  } catch (error) {
    if (error instanceof NoLiteral) return undefined;
    throw error;
  }
}

class NoLiteral extends Error {}

interface Reader {
  text: string;
  at: number;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? '')) reader.at++;
}

/** The text that a pattern (sticky) matches at the reader's place, which moves behind it. */
function take(reader: Reader, pattern: RegExp): string | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text)?.[0];
  if (found !== undefined) reader.at += found.length;
  return found;
}

function readValue(reader: Reader, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new NoLiteral();
  skipSpace(reader);
  const first = reader.text[reader.at];
  if (take(reader, /(?:np\.|numpy\.)?(?:array|str_|int64|int32|float64|set|list|tuple)\(/y) !== undefined) {
    const value = readValue(reader, depth + 1);
    skipSpace(reader);
    if (take(reader, /(?:,\s*dtype=[\w'"<>|.]+\s*)?\)/y) === undefined) throw new NoLiteral();
    return value;
  }
  if (first === '[' || first === '(' || first === '{') return readGroup(reader, depth);
  if (first === "'" || first === '"') return readText(reader);
  const number = take(reader, /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/y);
  if (number !== undefined) {
    const value = Number(number);
    return /^[+-]?\d+$/.test(number) && !Number.isSafeInteger(value) ? number : value;
  }
  const name = take(reader, /<NA>|[A-Za-z]+(?![\w.])/y);
  if (name === undefined || !Object.hasOwn(NAMES, name)) throw new NoLiteral();
  return NAMES[name];
}

/** A list, tuple or set; a dictionary where its first element has a colon behind it. */
function readGroup(reader: Reader, depth: number): unknown {
  const end = CLOSING[reader.text[reader.at++]];
  const items: unknown[] = [];
  const entries: [string, unknown][] = [];
  let separated = true;
  for (;;) {
    skipSpace(reader);
    if (reader.text[reader.at] === end) break;
    // NumPy prints white space between elements where Python has a comma.
    if (!separated && !/\s/.test(reader.text[reader.at - 1])) throw new NoLiteral();
    const item = readValue(reader, depth + 1);
    skipSpace(reader);
    if (end === '}' && typeof item === 'string' && take(reader, /:/y)) {
      entries.push([item, readValue(reader, depth + 1)]);
    } else items.push(item);
    separated = take(reader, /\s*,/y) !== undefined;
  }
  reader.at++;
  if (entries.length === 0) return items;
  if (items.length > 0) throw new NoLiteral();
  return Object.fromEntries(entries);
}

function readText(reader: Reader): string {
  const quote = reader.text[reader.at++];
  let value = '';
  for (;;) {
    const sign = reader.text[reader.at++];
    if (sign === undefined) throw new NoLiteral();
    if (sign === quote) return value;
    value += sign === '\\' ? readEscape(reader) : sign;
  }
}

function readEscape(reader: Reader): string {
  const code =
    take(reader, /x[0-9A-Fa-f]{2}/y) ?? take(reader, /u[0-9A-Fa-f]{4}/y) ?? take(reader, /U[0-9A-Fa-f]{8}/y);
  if (code !== undefined) {
    const point = Number.parseInt(code.slice(1), 16);
    if (point > 0x10ffff) throw new NoLiteral();
    return String.fromCodePoint(point);
  }
  const octal = take(reader, /[0-7]{1,3}/y);
  if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
  const sign = reader.text[reader.at++];
  if (sign === undefined) throw new NoLiteral();
  if (sign === 'N') throw new NoLiteral();
  // Python keeps the backslash of an escape that it does not know.
  return ESCAPES[sign] ?? (/[\\'"/]/.test(sign) ? sign : `\\${sign}`);
}
