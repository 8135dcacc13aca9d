import { wholePercent } from '../../../src/report/format.ts';
import type { TokenRisk } from '../api/types.ts';

/** A stretch of an answer as it is shown: a word with the punctuation that clings to it, or white space. */
export interface Word {
  text: string;
  /** The highest risk of its tokens; absent for white space and where no risk has arrived yet. */
  risk?: number;
  /** Tokens that it is made of. */
  tokens: number;
}

interface Placed {
  start: number;
  end: number;
  risk: number;
}

/**
 * Where each token stands in the text. Tokens joined are the text, but for white space that was trimmed and for what is
 * still to come: a token that is not found near where it should be is left out.
 */
function place(text: string, tokens: (TokenRisk | undefined)[]): Placed[] {
  const placed: Placed[] = [];
  let at = 0;
  for (const token of tokens) {
    if (token === undefined || token.text === '') continue;
    let wanted = token.text;
    if (!text.startsWith(wanted, at)) wanted = wanted.trim();
    const start = wanted === '' ? -1 : text.indexOf(wanted, at);
    if (start < 0) continue;
    at = start + wanted.length;
    placed.push({ start, end: at, risk: token.risk });
  }
  return placed;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' });
const OPENING = /^[\p{Ps}\p{Pi}]$/u;

/** Cuts a text at its white space and, in scripts without any, between words. Punctuation stays with its word. */
function cut(text: string): { start: number; end: number; space: boolean }[] {
  const pieces: { start: number; end: number; space: boolean; opening: boolean }[] = [];
  for (const { segment, index, isWordLike } of segmenter.segment(text)) {
    const end = index + segment.length;
    const space = segment.trim() === '';
    const opening = OPENING.test(segment);
    const last = pieces.at(-1);
    if (
      last &&
      ((space && last.space) || (!space && !last.space && (last.opening || (!isWordLike && !opening))))
    ) {
      last.end = end;
      last.opening &&= opening;
    } else pieces.push({ start: index, end, space, opening });
  }
  return pieces;
}

/** The words of an answer with their risks. `tokens` are in order and may lack some that are still to come. */
export function toWords(text: string, tokens: (TokenRisk | undefined)[]): Word[] {
  const placed = place(text, tokens);
  let first = 0;
  return cut(text).map(({ start, end, space }) => {
    while (first < placed.length && placed[first]!.end <= start) first++;
    const word: Word = { text: text.slice(start, end), tokens: 0 };
    if (space) return word;
    for (let at = first; at < placed.length && placed[at]!.start < end; at++) {
      word.tokens++;
      word.risk = Math.max(word.risk ?? 0, placed[at]!.risk);
    }
    return word;
  });
}

/** One of five steps of risk, 0 (lowest) to 4, for a colour. */
export function riskStep(risk: number): number {
  return Math.min(4, Math.max(0, Math.floor(risk * 5)));
}

/** A probability in words, never rounded to certainty: "7 %", "under 1 %"; kept on one line. */
export function percent(p: number): string {
  return `${figure(p).replace('<', 'under ').replace('>', 'over ')}\u00a0%`;
}

/** The same as short as can be, to stand under a word: "7", "<1". */
export function figure(p: number): string {
  if (p > 0 && p < 0.01) return '<1';
  if (p < 1 && p > 0.99) return '>99';
  return String(wholePercent(p));
}
