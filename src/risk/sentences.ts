import type { TextSpan } from './types.js';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'sentence' });

/** A sentence does not end behind an initial, one of these abbreviations, or the number of a list's item. */
const GOES_ON = [
  /(?:^|[\s(.-])\p{Lu}\.\s*$/u,
  /(?:^|[\s(.-])(?:mr|mrs|ms|dr|st|jr|sr|prof|gen|col|lt|capt|sgt|rev|hon|no|nos|vs|mt|ft|fr|op|vol|approx|ca|e\.g|i\.e|bzw|z\.b|sra|mme|mlle)\.\s*$/iu,
  /^\s*\d{1,2}\.\s*$/u,
];

/** Only this much of a sentence's end is looked at, more than any abbreviation has. */
const LONGEST_END = 24;

/**
 * The sentences of a text in any language: Unicode's rules (UAX #29), less the false ends behind initials and
 * abbreviations. A line break ends a sentence as well. Parts without a letter or digit are left out; white space around
 * a sentence does not belong to it.
 */
export function sentences(text: string): TextSpan[] {
  const found: TextSpan[] = [];
  let start = 0;
  let end = 0;
  const close = () => {
    const span = trimmed(text, start, end);
    if (span) found.push(span);
    start = end;
  };
  for (const { segment } of segmenter.segment(text)) {
    end += segment.length;
    const line = /[\n\r\u2028\u2029]\s*$/.test(segment);
    // The text behind an abbreviation must be there, or the sentence ends with it.
    if (line || !goesOn(text.slice(Math.max(start, end - LONGEST_END), end)) || text.slice(end).trim() === '')
      close();
  }
  return found;
}

const goesOn = (end: string) => GOES_ON.some((pattern) => pattern.test(end));

function trimmed(text: string, start: number, end: number): TextSpan | undefined {
  const part = text.slice(start, end);
  if (!/[\p{L}\p{N}]/u.test(part)) return undefined;
  const from = start + (part.length - part.trimStart().length);
  const to = end - (part.length - part.trimEnd().length);
  return { start: from, end: to, text: text.slice(from, to) };
}
