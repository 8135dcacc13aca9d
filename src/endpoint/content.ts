/** What a server says in a message or a part of one. */
export interface Content {
  text: string;
  /** The server gave a thought of the model apart from the text. */
  thought: boolean;
}

/** Fields for the thought beside the text, by server. */
const THOUGHT_FIELDS = [
  'reasoning_content',
  'reasoning',
  'thinking',
  'thought',
  'reasoning_details',
  'thinking_blocks',
];

/**
 * Reads `content` (a text, a list of parts, or null) and the fields for thoughts beside it.
 * @param message a message, or the delta of a stream
 * @returns undefined where the content has another form
 */
export function contentOf(message: Record<string, unknown>): Content | undefined {
  const content = textOf(message.content);
  if (content === undefined) return undefined;
  const thought = THOUGHT_FIELDS.some((field) => !isEmpty(message[field]));
  return { text: content.text, thought: content.thought || thought };
}

function textOf(content: unknown): Content | undefined {
  if (content === undefined || content === null) return { text: '', thought: false };
  if (typeof content === 'string') return { text: content, thought: false };
  const parts = Array.isArray(content) ? content : [content];
  const said: Content = { text: '', thought: false };
  for (const part of parts) {
    if (typeof part === 'string') said.text += part;
    else if (typeof part !== 'object' || part === null) return undefined;
    else if (/think|thought|reason/i.test(String(part.type))) said.thought = true;
    else if (typeof part.text === 'string') said.text += part.text;
    else return undefined;
  }
  return said;
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() === '';
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}
