/** The server says that the answer is complete. */
export const DONE = Symbol('done');

/** A line longer than this is no event. */
const MAX_LINE = 16 * 2 ** 20;

/**
 * The JSON values of a streamed answer, in server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) or as
 * JSON Lines, and {@link DONE} for `[DONE]`. Comments and events without data are passed over; a last event without its blank
 * line counts.
 * @throws SyntaxError for data that is not JSON, as that of a stream that broke off
 */
export async function* streamedValues(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<unknown, void> {
  let data: string[] = [];
  let event = '';
  const take = (): unknown[] => {
    const text = data.join('\n').trim();
    const name = event;
    data = [];
    event = '';
    if (text === '') return [];
    if (/^\[done\]$/i.test(text)) return [DONE];
    const value: unknown = JSON.parse(text);
    return [/^error$/i.test(name) ? asError(value) : value];
  };
  for await (const line of linesOf(bytes)) {
    if (line.trim() === '') {
      yield* take();
      continue;
    }
    const bare = line.trimStart();
    if (data.length === 0 && (bare.startsWith('{') || /^\[done\]\s*$/i.test(bare))) {
      data.push(line);
      yield* take();
      continue;
    }
    const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value.trim();
  }
  yield* take();
}

/** The data of an `error` event, where errors are looked for. */
function asError(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'error' in value ? value : { error: value };
}

/** Lines of UTF-8 text that end with LF, CR or both, without a byte order mark. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const part of bytes) {
    rest += decoder.decode(part, { stream: true });
    // A CR at the end may be the first half of a line end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new SyntaxError('a line without end');
    yield* lines;
  }
  rest += decoder.decode();
  yield* rest.split(/\r\n|\n|\r/);
}

/**
 * What an answer says went wrong, in a stream or whole, with status 200 too; undefined where it says nothing of the kind.
 */
export function errorIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { error, object, type, message, detail, choices } = value as Record<string, unknown>;
  const found = isGiven(error)
    ? error
    : object === 'error' || type === 'error' || (choices === undefined && isGiven(detail))
      ? (detail ?? message ?? 'no reason given')
      : undefined;
  if (found === undefined) return undefined;
  const said = typeof found === 'object' && found !== null ? (found as { message?: unknown }).message : found;
  const text = typeof said === 'string' && said.trim() !== '' ? said : 'no reason given';
  return text.replace(/\s+/g, ' ').slice(0, 200);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '';
}
