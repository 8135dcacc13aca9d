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
  const text = raw.replace(/<think>[\s\S]*?<\/think>/, '');
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
