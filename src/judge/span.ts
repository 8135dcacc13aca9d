import { parseResponse, rangeInResponse } from '../engine/text/thought.js';

/** A part of a text in UTF-16 offsets, `end` not included. */
export interface Span {
  start: number;
  end: number;
}

const OPENING = /[\s"'“”‘’„«‹「『*_`#>(\u005b{–—:,.;!?…•‣◦·-]/u;
const CLOSING = /[\s"'“”‘’«»›」』*_`)\u005d}–—:,.;!?…。、，！？；：-]$/u;
const PAIRS: Record<string, string> = {
  ')': '(',
  ']': '[',
  '}': '{',
  '”': '“',
  '»': '«',
  '」': '「',
  '』': '『',
};

const LIST_MARK = '(?:[-*•‣◦·+]|\\(?\\d{1,3}[.)])';
/** German dates and clubs begin with a number and a dot too. */
const NUMBERED_NAME =
  '(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|FC|SC|SV)\\b';
const VERB = '(?:is|are|was|were|has|have|had|does|do|did|can|will)';

/** What may stand in front of the answer; tried again and again until none fits. */
const LEAD_INS = [
  // The line that a list begins behind: "Here are three rivers:".
  new RegExp(`^[^\\n]*:[ \\t*_]*\\n\\s*(?=${LIST_MARK}\\s+\\S)`, 'u'),
  // The mark of the first element, which counts: of a list of lines, or of one line that says no more ("1. James Patterson").
  /^\(?1[.)]\s+(?=\S[^\n]*\n\s*\(?2[.)]\s)/u,
  new RegExp(`^\\(?1[.)]\\s+(?!${NUMBERED_NAME})(?=\\S)(?![^\\n]*\\s${VERB}\\s)`, 'u'),
  /^(?:so|well|okay|sure|certainly|of course|yes|no(?!\.\s+\d))[,!.]\s+/i,
  /^(?:the\s+)?(?:correct\s+|final\s+|right\s+|short\s+)?(?:answer|response|a)\s*(?:is|was|would be|:|=)\s*:?\s*/i,
  /^(?:i\s+(?!think, therefore)(?:think|believe|guess)|i'm (?:fairly |pretty )?sure|probably|possibly|perhaps|maybe)(?:\s+(?:that|it is|it's|it was))?[\s,:]+/i,
  // The verb in lower case: "These Are the Days of Our Lives" is a title.
  /^(?:[Ii]t|[Tt]hat|[Tt]his|[Hh]e|[Ss]he|[Tt]hey|[Tt]hese|[Tt]hose|[Tt]here)(?:\s+(?:is|was|are|were|would be)|['’]s)\s+(?=\S)/,
  /^(?:known as|called|named)\s+/,
  // "The capital of France is Paris": a subject that goes on in lower case, as a title would not.
  /^[Tt]he\s+\p{Ll}(?:[^.;:\n]|\.(?!\s+\p{Lu}))*?\s(?:is|was|are|were)\s+(?:called\s+|known as\s+|named\s+)?(?!not\b)/u,
];

const ABBREVIATIONS =
  'mr|mrs|ms|dr|st|prof|gen|col|maj|cmdr|adm|lt|capt|sgt|rev|hon|gov|sen|rep|no|nos|vs|v|mt|ft|fr|ave|op|vol|pt|fig|approx|c|ca|messrs|bros';
/** Abbreviations at the end of names. */
const SUFFIXES = 'jr|sr|inc|ltd|co|corp|esq|etc';
const SUFFIX = /[\s.](?:Jr|Sr|Inc|Ltd|Co|Corp|Esq|Bros)\.$/;
const SENTENCE = `(?!\\s+${NUMBERED_NAME})(?=\\s+["“'‘(]?[\\p{Lu}\\p{N}])`;
/** Names that end with an exclamation mark. */
const EXCLAIMED =
  /(?:^|\s)(?:Wham|Yahoo|Jeopardy|Oklahoma|Airplane|Oliver|Mamma Mia|Hello,? Dolly|Moulin Rouge|Tora|Westward Ho|Viva Zapata|Panic|Mars Attacks|Top Secret|Absalom|Oh|Them)!$/;

/** What may stand behind the answer: everything from the match on is left out. */
const TAILS = [
  /\s*[\n\r]/,
  // A sentence ends, and it is not an initial ("J. R. R. Tolkien") or an abbreviation ("Dr. No", "St. Ives").
  new RegExp(`(?<!(?:^|[\\s.(-])(?:\\p{L}|${ABBREVIATIONS}|${SUFFIXES}|[.]))[.!?]${SENTENCE}`, 'iu'),
  // Behind an abbreviation or an initial only a word that begins sentences shows that one ends.
  new RegExp(
    `(?<=[\\s.](?:${SUFFIXES})\\.)(?=\\s+(?:The|It|He|She|They|This|That|These|There|His|Her|Its|In)\\s)`,
    'iu',
  ),
  /(?<=[\s.]\p{L})\.(?=\s+(?:It|They|This|These|There|She|Its)\s)/u,
  /[。！？]/u,
  /\s+[–—-]\s+\S/u,
  /;\s/,
  /,?\s+(?:because|since|which|who|whose|where|although|though|however)\s/,
  /,\s+(?:but|as|so|located|based|born|a|an|the)\s(?=\p{Ll})/u,
  /\s+(?:is|was|are|were)\s+(?:the|a|an|one of)\s+(?=\p{Ll})/u,
];

/**
 * A bracket that explains the answer. One of an abbreviation or a code ("(CND)", "(CVN-68)"), a year, a ruler ("(George VI)") or one
 * capitalised word ("Winslow (Arizona)") is a part of it.
 */
const TRAILING_BRACKET =
  /(?:\s+[(\u005b]|\s*（)(?!(?:\p{Lu}{2,}[\d-]*|\d{4}|\p{Lu}\p{Ll}+ [IVX]+|\p{Lu}\p{Ll}+)\))[^()\u005b\]（）]*[)\]）]?\s*$/u;
const QUESTION =
  /^(?:who|what|where|when|why|how|which|whose|are|is|was|were|do|does|did|can|could|will|would|should|have|has)\s/i;

/**
 * The part of a response that is the answer itself: without lead-ins such as "The answer is", quotation marks and
 * Markdown, explanations (later sentences and lines, brackets at the end, ", which …", "is the capital of …") and
 * closing punctuation. One contiguous run, for method.md section 2. Thoughts are left out.
 *
 * @returns UTF-16 offsets into `response`, `undefined` when it has no letter, digit or symbol to answer with, or ends inside a thought
 */
export function answerSpan(response: string): Span | undefined {
  const parsed = parseResponse(response);
  if (!parsed.thought) return spanWithin(response);
  const span = parsed.unfinished ? undefined : spanWithin(parsed.answer);
  return span && rangeInResponse(parsed, span);
}

function spanWithin(response: string): Span | undefined {
  const whole = trim(response, { start: 0, end: response.length });
  if (whole === undefined) return undefined;
  let span = withoutLeadIns(response, whole);
  for (const tail of TAILS) span = cut(response, span, tail);
  span = cut(response, span, TRAILING_BRACKET);
  return trim(response, span) ?? whole;
}

function withoutLeadIns(text: string, whole: Span): Span {
  let span = whole;
  for (let at = 0; at < LEAD_INS.length; ) {
    const match = LEAD_INS[at].exec(text.slice(span.start, span.end));
    const rest = match && trim(text, { start: span.start + match[0].length, end: span.end });
    // What is left may begin with any of them again.
    if (rest) {
      span = rest;
      at = 0;
    } else at++;
  }
  return span;
}

/** Ends the span where `pattern` matches, unless nothing would be left. */
function cut(text: string, span: Span, pattern: RegExp): Span {
  const match = pattern.exec(text.slice(span.start, span.end));
  if (match === null || match.index === 0) return span;
  return trim(text, { start: span.start, end: span.start + match.index }) ?? span;
}

/** Leaves out white space, quotation marks and punctuation at both ends; undefined when nothing else is there. */
function trim(text: string, { start, end }: Span): Span | undefined {
  while (start < end && OPENING.test(text[start]) && !isSigned(text, start)) start++;
  while (start < end && CLOSING.test(text[end - 1]) && !belongs(text, start, end)) end--;
  return start < end ? { start, end } : undefined;
}

/** A minus sign in front of a number, the dot of ".5" or ".com", or a bracket that closes inside the answer. */
function isSigned(text: string, start: number): boolean {
  if (text[start] === '.') return text[start - 1] !== '.' && /[\p{L}\p{N}]/u.test(text[start + 1] ?? '');
  if (text[start] === '(') {
    const close = text.indexOf(')', start);
    return close > 0 && /\S/.test(text.slice(close + 1));
  }
  return /^-\d/.test(text.slice(start, start + 2));
}

/**
 * The last character belongs to the answer: the dot of initials ("Washington, D.C.") or of a suffix ("Ferris Jr."), a bracket or quotation
 * opened in the answer, the question mark of a title ("Are You Being Served?"), the exclamation mark of a name ("Wham!").
 */
function belongs(text: string, start: number, end: number): boolean {
  const last = text[end - 1];
  if (last in PAIRS) return text.slice(start, end).includes(PAIRS[last]);
  if (last === '"') return text.slice(start, end - 1).split('"').length % 2 === 0;
  if (last === '!') return EXCLAIMED.test(text.slice(start, end));
  if (last === '?') return QUESTION.test(text.slice(start, end));
  // The longest match has seven units: a longer text is not searched for it.
  const tail = text.slice(Math.max(start, end - 8), end);
  return last === '.' && (/(?:^|[\s.])\p{L}\.\p{L}\.$/u.test(tail) || SUFFIX.test(tail));
}
