/** A response of a model that may think before it answers, split into thoughts and answer. */
export interface ParsedResponse {
  /** The response without its thoughts: the text to judge, to search and to score. The response itself if it has none. */
  answer: string;
  /** True if the response holds a thought or a part of one. */
  thought: boolean;
  /** True if the response ends inside a thought: it has no final answer. */
  unfinished: boolean;
  /** The offset in the response of a character of `answer`, both in UTF-16 units. */
  offset(at: number): number;
}

/** Element names that models put around a thought, as `<think>` or `[THINK]`. */
const NAMES =
  '(?:seed:)?think(?:ing)?|thoughts?|thought_process|reason|reasoning|reflect|reflection|scratchpad|analysis|inner_monologue';

/** Marks of one kind. `open` and `close` are sources of regular expressions without groups. */
interface MarkKind {
  open: string;
  close: string;
  /** `close` counts only after `open`: elsewhere it can be ordinary text. */
  paired?: boolean;
}

/** The order matters only where two kinds match at one place: the first one wins. */
const KINDS: readonly MarkKind[] = [
  // A response that is cut off within its first mark ("<think") ends inside a thought too.
  { open: `<(?:${NAMES})(?:\\s[^<>]*)?(?:>|$)`, close: `<\\s*/\\s*(?:${NAMES})\\s*(?:>|$)` },
  { open: '\\[(?:think|thinking|reasoning)\\]', close: '\\[/(?:think|thinking|reasoning)\\]' },
  { open: '◁think▷', close: '◁/think▷' },
  { open: '<\\|begin_of_thought\\|>', close: '<\\|end_of_thought\\|>' },
  { open: '<\\|start_thinking\\|>', close: '<\\|end_thinking\\|>' },
  { open: '<\\|inner_prefix\\|>', close: '<\\|inner_suffix\\|>' },
  { open: '<unused94>', close: '<unused95>' },
  { open: '<\\|channel>thought\\b', close: '<channel\\|>' },
  // Channels of the harmony format: everything before the final channel.
  {
    open: '<\\|channel\\|>\\s*(?:analysis|commentary)[^<]*(?:<\\|message\\|>)?',
    close: '(?:<\\|end\\|>)?(?:<\\|start\\|>assistant)?<\\|channel\\|>\\s*final[^<]*(?:<\\|message\\|>|$)',
  },
  // The same after a server or a file has dropped the special tokens.
  { open: '(?<![^])analysis(?=[\\p{Lu}"“\'*])', close: 'assistant\\s*final', paired: true },
  { open: '<\\|im_start\\|>think\\b', close: '<\\|im_start\\|>answer\\b', paired: true },
  { open: '(?<![^\\s])here is my thought process:', close: 'here is my response:', paired: true },
];

/** The first kinds have marks of several names. */
const NAMED_KINDS = 2;

/** Group 2i + 1 opens kind i, group 2i + 2 closes it. */
const MARKS = new RegExp(KINDS.map(({ open, close }) => `(${open})|(${close})`).join('|'), 'giu');
/** A text without any of these characters or words has no marks. */
const MAY_HOLD_MARKS = /[<[◁]|^analysis|thought process/i;
const OPENED_AT_END = new RegExp(`(?:${KINDS.map(({ open }) => open).join('|')})\\s*$`, 'iu');

/**
 * Splits a response into thoughts and answer, by the marks of the model families in use. Thoughts may be nested or repeated. A closing
 * mark without an opening one ends a thought that began with the response.
 *
 * @param opened true if the prompt itself opens the thought, see {@link opensThought}
 */
export function parseResponse(response: string, opened = false): ParsedResponse {
  if (!opened && !MAY_HOLD_MARKS.test(response)) return whole(response);
  const hidden: [start: number, end: number][] = [];
  /** The thoughts that are open. */
  const open: Mark[] = opened ? [IN_PROMPT] : [];
  let since = 0;
  let last: Mark | undefined;
  for (const mark of marksIn(response)) {
    if (mark.opens) {
      if (open.length === 0) since = mark.start;
      open.push(mark);
      last = mark;
      continue;
    }
    const at = opener(open, mark);
    if (at < 0 && (mark.kind.paired || open.length > 0)) continue;
    last = mark;
    // Without an opening mark all of the response so far is the thought.
    if (at < 0) since = 0;
    open.length = Math.max(0, at);
    if (open.length === 0) hidden.push([since, mark.end]);
  }
  // Within a thought an opening mark may be only mentioned: the last closing mark of that name ends it all the same.
  const closed = last !== undefined && !last.opens && open.every((mark) => mark.name === last.name);
  const unfinished = open.length > 0 && !closed;
  if (open.length > 0) hidden.push([since, unfinished || !last ? response.length : last.end]);
  return hidden.length === 0 ? whole(response) : { ...withoutRanges(response, hidden), unfinished };
}

interface Mark {
  kind: MarkKind;
  opens: boolean;
  /** Equal for the marks that belong together. */
  name: string;
  start: number;
  end: number;
}

/** The mark at the end of a prompt, whichever it is. */
const IN_PROMPT: Mark = { kind: KINDS[0], opens: true, name: 'think', start: 0, end: 0 };

function* marksIn(response: string): Generator<Mark> {
  for (const match of response.matchAll(MARKS)) {
    const group = match.findIndex((text, i) => i > 0 && text !== undefined) - 1;
    const kind = group >> 1;
    const name = kind < NAMED_KINDS ? match[0].toLowerCase().match(/[a-z][a-z_:]*/)?.[0] : undefined;
    yield {
      kind: KINDS[kind],
      opens: group % 2 === 0,
      name: name ?? String(kind),
      start: match.index,
      end: match.index + match[0].length,
    };
  }
}

/** Place of the thought that a closing mark ends: of the same name, else opened by the prompt, else of the same kind; or -1. */
function opener(open: readonly Mark[], { name, kind }: Mark): number {
  const same = open.findLastIndex((mark) => mark.name === name);
  if (same >= 0) return same;
  return open[0] === IN_PROMPT ? 0 : open.findLastIndex((mark) => mark.kind === kind);
}

/** The text to judge; undefined if the response ends inside a thought. */
export function finalAnswer(response: string, opened = false): string | undefined {
  const { answer, unfinished } = parseResponse(response, opened);
  return unfinished ? undefined : answer;
}

/** True if a prompt ends with the mark that opens a thought, so that a response begins inside it. */
export function opensThought(prompt: string): boolean {
  return OPENED_AT_END.test(prompt.slice(-200));
}

/** A response with an opening mark in front if its prompt opens a thought, so that it can be parsed without the prompt. */
export function withOpeningMark(prompt: string, response: string): string {
  return opensThought(prompt) ? `<think>${response}` : response;
}

/** True if the character at an offset of the response belongs to its answer. */
export function isInAnswer(parsed: ParsedResponse, at: number): boolean {
  for (let i = 0; i < parsed.answer.length; i++) if (parsed.offset(i) === at) return true;
  return false;
}

/**
 * A part of `answer` as a part of the response. A part that spans a thought ends where that thought begins.
 */
export function rangeInResponse(
  parsed: ParsedResponse,
  { start, end }: { start: number; end: number },
): { start: number; end: number } {
  const first = parsed.offset(start);
  let last = start;
  while (last + 1 < end && parsed.offset(last + 1) - first === last + 1 - start) last++;
  return { start: first, end: first + (last - start) + 1 };
}

function whole(response: string): ParsedResponse {
  return { answer: response, thought: false, unfinished: false, offset: (at) => at };
}

function withoutRanges(
  response: string,
  hidden: [start: number, end: number][],
): Omit<ParsedResponse, 'unfinished'> {
  const parts: { from: number; at: number; text: string }[] = [];
  let from = 0;
  let length = 0;
  for (const [start, end] of [...hidden, [response.length, response.length]]) {
    // A thought found later may cover earlier ones.
    while (start < from && parts.length > 0 && start <= parts[parts.length - 1].from) {
      length -= parts.pop()?.text.length ?? 0;
    }
    if (start > from) {
      const before = parts.at(-1);
      const text = response.slice(from, start);
      // Words on both sides of a thought stay apart.
      if (before && !/\s$/.test(before.text) && !/^\s/.test(text)) {
        before.text += ' ';
        length++;
      }
      parts.push({ from, at: length, text });
      length += text.length;
    }
    from = end;
  }
  return {
    answer: parts.map(({ text }) => text).join(''),
    thought: true,
    offset(at) {
      const part = parts.findLast((one) => one.at <= at);
      return part ? part.from + at - part.at : response.length;
    },
  };
}
