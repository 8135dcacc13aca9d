import { parseResponse, rangeInResponse } from '../engine/text/thought.js';
import type { Span } from './span.js';

/** Raised when letters are read otherwise, so that verdicts of an earlier reading are not taken for new ones. */
export const LETTER_RULE = 2;

const OPEN = `["'“‘*_([]*`;
const WHOLE = `(?![\\p{L}\\p{N}'’])`;
const CAPITAL = `(?<letter>[A-Z])${WHOLE}`;
/** No article and no pronoun, so that any word may follow. */
const PLAIN = `(?<letter>[B-HJ-Z])${WHOLE}`;
/** In small at the end of a sentence, where "a" is no article either. */
const SMALL = `(?<letter>[a-z])(?=["'”’*_)\\]]*\\s*(?:[.,;:!?\\n]|$))`;
const NO_WORD = '(?!\\s+\\p{Ll})';
/** Behind a choice, also of A: "A because". */
const REASON = '\\s+(?:because|since|as|for)\\b';
const VERDICT =
  '\\s+(?:is|was|would be)\\s+(?:the\\s+|my\\s+)?(?:correct|right|best|answer|choice|option|one)\\b';
const IS = '(?:\\s+(?:is|was|would be))?[\\s:]+';
const OPTION = `(?<!\\b[Nn]ot\\s+)\\b(?:[Oo]ption|[Cc]hoice|[Ll]etter)${IS}${OPEN}`;
const CHOSEN = `\\b(?:[Aa]nswer|[Cc]hoose|[Cc]hose|[Pp]ick|[Ss]elect|go with)${IS}(?:[Oo]ption\\s+)?${OPEN}`;

/** Where the letter of an option stands in what a model says, the surest place first. */
const PLACES = [
  // "B", "(B)", "**B**", "B. Paris", "B: Paris", "B) Paris", "B is correct"; but not "A dog", which is no choice of A.
  `^[\\s"'“‘*_([]*${CAPITAL}(?:${NO_WORD}|(?=${REASON}|${VERDICT}))`,
  // "b", "(b)", "b) Paris", "b. Paris"
  `^[\\s"'“‘*_([]*(?<letter>[a-z])(?=["'”’*_)\\].:]*\\s*$|[).:]\\s)`,
  // "I choose option A because", "the correct option is **B**": no article stands behind "option".
  `${OPTION}${CAPITAL}`,
  `${OPTION}${SMALL}`,
  // "The answer is B", "Answer: (B)", "I would choose B as", "Answer: b."
  `${CHOSEN}${PLAIN}`,
  `${CHOSEN}${CAPITAL}(?:${NO_WORD}|(?=${REASON}))`,
  `${CHOSEN}${SMALL}`,
  // "I think it is B", "The correct one is B because"
  `(?:\\bis|['’]s)\\s+${OPEN}${CAPITAL}(?=["'”’*_)\\]]*\\s*(?:[.,;:!?\\n]|$)|${REASON})`,
  '[([](?<letter>[A-Z])[)\\]]',
].map((place) => new RegExp(place, 'du'));

/**
 * The letter that a model chooses among `options` of them, read from its words, with the place where it stands.
 * @returns the letter as a capital, however it is written; `undefined` when no place holds a letter, or it is that of no option.
 *   Thoughts are left out.
 */
export function readLetter(text: string, options: number): (Span & { letter: string }) | undefined {
  const parsed = parseResponse(text);
  const said = parsed.unfinished ? undefined : letterIn(parsed.answer, options);
  return said && { ...said, ...rangeInResponse(parsed, said) };
}

function letterIn(text: string, options: number): (Span & { letter: string }) | undefined {
  for (const place of PLACES) {
    const groups = place.exec(text)?.indices?.groups;
    if (!groups) continue;
    const [start, end] = groups.letter;
    const letter = text.slice(start, end).toUpperCase();
    if (letter.charCodeAt(0) - 65 >= options) return undefined;
    return { letter, start, end };
  }
  return undefined;
}
