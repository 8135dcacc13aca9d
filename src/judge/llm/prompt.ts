import { parseResponse } from '../../engine/text/thought.js';

/** A task as it is put to an LLM. Its texts are never changed without a new version: cached answers belong to one. */
export interface LlmPrompt<Item, Answer> {
  /** Name and number, kept with each verdict. */
  version: string;
  instruction: string;
  /** Worked examples: inputs with the wanted answers. */
  examples: { input: string; answer: string }[];
  /** What follows the instruction, for an item. */
  input(item: Item): string;
  /** The answer's form, for servers that can hold a model to it. */
  schema?: { name: string; schema: Record<string, unknown> };
  /** What a base model finds before the place of the answer. */
  label?: string;
  /** Reads an answer; undefined when it is nonsense. */
  parse(raw: string, item: Item): Answer | undefined;
}

/** The JSON object in an answer: alone, in a Markdown block, or among words; undefined when there is none. */
export function jsonIn(raw: string): Record<string, unknown> | undefined {
  const text = parseResponse(raw).answer;
  for (const candidate of [text, text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        return value as Record<string, unknown>;
      }
    } catch {}
  }
  return undefined;
}

/** Reads true or false from an answer: the bare word, or the field of a JSON object. */
export function truthIn(raw: string, field: string): boolean | undefined {
  const plain = /^[\s"'*`]*(true|false)[\s"'*`.!]*$/i.exec(parseResponse(raw).answer)?.[1].toLowerCase();
  if (plain !== undefined) return plain === 'true';
  const value = jsonIn(raw)?.[field];
  if (typeof value === 'boolean') return value;
  return value === 'true' ? true : value === 'false' ? false : undefined;
}

/** Reads true or false from the word that an answer begins with. */
export function wordOfTruth(raw: string): boolean | undefined {
  const word = /^\W*(true|false)(?![a-z])/i.exec(raw)?.[1].toLowerCase();
  return word === undefined ? undefined : word === 'true';
}
