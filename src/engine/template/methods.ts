import type { parse } from '@huggingface/jinja';

type Program = ReturnType<typeof parse>;
/** A node of the syntax tree: plain data. */
type Node = { type: string } & Record<string, unknown>;

/**
 * Methods of Python's strings that the interpreter lacks, or whose arguments it ignores (`strip('\n')` takes off all white space
 * there, which would change the prompt without a word).
 */
const METHODS: Record<string, (text: string, ...rest: never[]) => unknown> = {
  strip: (text, characters?: string) => trimEnd(trimStart(text, characters), characters),
  lstrip: (text, characters?: string) => trimStart(text, characters),
  rstrip: (text, characters?: string) => trimEnd(text, characters),
  rsplit: (text, separator: string, most = -1) => {
    const parts = text.split(separator);
    const head = most < 0 ? [] : parts.splice(0, Math.max(0, parts.length - most));
    return head.length > 0 ? [head.join(separator), ...parts] : parts;
  },
  splitlines: (text) => text.replace(/\r?\n$/, '').split(/\r?\n/),
  find: (text, part: string) => text.indexOf(part),
  rfind: (text, part: string) => text.lastIndexOf(part),
  count: (text, part: string) => text.split(part).length - 1,
  removeprefix: (text, part: string) => (text.startsWith(part) ? text.slice(part.length) : text),
  removesuffix: (text, part: string) =>
    part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text,
  isdigit: (text) => /^\d+$/.test(text),
  join: (text, list: { value: unknown }[]) => list.map(({ value }) => String(value)).join(text),
};
/** These are right in the interpreter as long as they have no argument. */
const STRIPS = new Set(['strip', 'lstrip', 'rstrip']);
const PREFIX = '__method_';

/** The methods as functions, by the names that {@link addMethods} calls them by. */
export const METHOD_GLOBALS: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(METHODS).map(([name, method]) => [
    PREFIX + name,
    (text: unknown, ...rest: never[]) => {
      if (typeof text !== 'string') throw new Error(`${name}() is a method of texts only`);
      return method(text, ...rest);
    },
  ]),
);

/** Turns calls of {@link METHODS} in a syntax tree into calls of the functions in {@link METHOD_GLOBALS}. */
export function addMethods(program: Program): Program {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (value instanceof Map) for (const [key, inner] of value) visit([key, inner]);
    else if (isNode(value)) {
      rewrite(value);
      Object.values(value).forEach(visit);
    }
  };
  visit(program);
  return program;
}

function rewrite(node: Node): void {
  const { callee, args } = node;
  if (node.type !== 'CallExpression' || !isNode(callee) || callee.type !== 'MemberExpression') return;
  const { object, property, computed } = callee;
  if (computed || !isNode(property) || !Array.isArray(args)) return;
  const name = String(property.value);
  if (!Object.hasOwn(METHODS, name) || (STRIPS.has(name) && args.length === 0)) return;
  node.callee = { ...property, value: PREFIX + name, type: 'Identifier' };
  node.args = [object, ...args];
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function trimStart(text: string, characters?: string): string {
  if (characters === undefined || characters === null) return text.trimStart();
  const set = new Set(characters);
  let at = 0;
  for (const character of text) {
    if (!set.has(character)) break;
    at += character.length;
  }
  return text.slice(at);
}

function trimEnd(text: string, characters?: string): string {
  if (characters === undefined || characters === null) return text.trimEnd();
  const set = new Set(characters);
  let end = text.length;
  while (end > 0 && set.has(text[end - 1])) end--;
  return text.slice(0, end);
}
