import { answerSpan } from '../judge/span.js';
import { sentences } from './sentences.js';
import type { TextSpan } from './types.js';

/** Words in capitals only because a sentence begins with them, and those that are never names. */
const FUNCTION_WORDS = new Set(
  (
    'i a an the this that these those there here it its he his she her they their we our you your my in on at by for from to with of as into ' +
    'and but or nor so yet if when while where because since before after although though during both each every all some many most ' +
    'few several one no not yes is are was were be been has have had do does did can could will would should may might must what which ' +
    'who whose how why also however therefore moreover finally then thus other another such sorry sure well ' +
    'le la les un une des du de et il elle ils ce cette est en au aux dans par pour ' +
    'der die das ein eine und er sie es ist im den dem zu von mit auf ' +
    'el los las una y es en del al por para con su o e os as um uma do da no na lo gli i il uno di che è'
  ).split(' '),
);

/** Small words within a name: "University of Oxford", "Ludwig van Beethoven". */
const WITHIN = new Set(
  'of de la le du des del della di da dos das do van von der den el al bin ibn ap the'.split(' '),
);

/** "Los Angeles", "La Paz": an article that belongs to the name even where a sentence begins with it. */
const ARTICLE_OF_NAME = /^(?:El|La|Le|Los|Las) \p{Lu}/u;

// A run of letters, digits and the marks that stand inside of words and numbers (1,000.5; o'clock; 12-14; C++; €50; 20 %).
const WORD = /[€$£¥₹]?[\p{L}\p{M}\p{N}]+(?:[.,:/'’‐-][\p{L}\p{M}\p{N}]+)*[+#]*(?:\s?[%‰°](?:[CF]\b)?)?/gu;
const QUOTED =
  /“([^”\n]{2,80})”|«\s?([^»\n]{2,80}?)\s?»|„([^“”\n]{2,80})[“”]|「([^」\n]{2,80})」|"([^"\n]{2,80})"/gu;
/** "capital: Lima; currency: sol": a lower-case label, its value, and what ends it. */
const LABELLED = /(?:^|[\n;,(*]|[.!?]\s)[\s*-]*(\p{L}[\p{L}\s]{0,30}?)\**\s?[:：=]\**[^\S\n]*([^;\n；。]+)/gu;
/** Scripts that know no capitals, in which every word could be a name. */
const CASELESS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Devanagari}\p{Script=Thai}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Telugu}]/u;

const words = new Intl.Segmenter(undefined, { granularity: 'word' });

/**
 * The parts of a text that carry its content, in order and without overlap, by rule:
 *
 * 1. the value behind a label ("currency: sol;"),
 * 2. what stands in quotation marks,
 * 3. runs of capitalised words ("University of Oxford") and of words with a digit (numbers, dates, codes), joined over single
 *    spaces, small words of names, and the comma or dot within a date; a function word at the beginning of a sentence does not count,
 * 4. in scripts without capitals, each word of two characters or more,
 * 5. in a text without any of these, the answer itself (method.md section 2).
 *
 * It errs on the side of too many: a plain word at the beginning of a sentence is taken for a name.
 */
export function contentSpans(text: string): TextSpan[] {
  const taken: TextSpan[] = [];
  const covered = new Uint8Array(text.length);
  const take = (start: number, end: number) => {
    if (covered.subarray(start, end).includes(1)) return;
    covered.fill(1, start, end);
    taken.push({ start, end, text: text.slice(start, end) });
  };
  for (const match of text.matchAll(LABELLED)) {
    const label = match[1].trim();
    // A clock ("at 10: 30") or a sentence with a colon in it is no label.
    if (label.split(/\s+/).length > 3) continue;
    const from = match.index + match[0].length - match[2].length;
    const value = answerSpan(match[2]);
    // A long value is a text of its own.
    if (value && match[2].slice(value.start, value.end).split(/\s+/).length <= 6) {
      take(from + value.start, from + value.end);
    }
  }
  for (const match of text.matchAll(QUOTED)) {
    const inner = match.slice(1).find((group) => group !== undefined)!;
    const from = match.index + match[0].indexOf(inner);
    take(from, from + inner.length);
  }
  for (const sentence of sentences(text)) {
    for (const run of runs(text, sentence.start, sentence.end)) take(run.start, run.end);
  }
  if (taken.length === 0) {
    const answer = answerSpan(text);
    if (answer) take(answer.start, answer.end);
  }
  return taken.sort((a, b) => a.start - b.start);
}

/** Of what is on the left only this much is looked at. */
const LONGEST_PART = 20;

interface Word {
  start: number;
  end: number;
  text: string;
}

/** Names, numbers and dates within one sentence. */
function runs(text: string, from: number, to: number): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let open: { start: number; end: number } | undefined;
  let between: Word[] = [];
  const close = () => {
    if (open) found.push(open);
    open = undefined;
    between = [];
  };
  for (const match of text.slice(from, to).matchAll(WORD)) {
    const word = { start: from + match.index, end: from + match.index + match[0].length, text: match[0] };
    if (CASELESS.test(word.text)) {
      close();
      for (const one of caselessWords(word)) found.push(one);
      continue;
    }
    if (/^[^\S\n]*[:：]/.test(text.slice(word.end, to)) && !/\d/.test(word.text)) {
      // A label: what follows is meant, not the label.
      close();
      continue;
    }
    const last = between.at(-1) ?? open;
    const joined =
      last !== undefined &&
      joins(
        text.slice(Math.max(last.start, last.end - LONGEST_PART), last.end),
        text.slice(last.end, word.start),
        word.text,
      );
    if (!joined) close();
    const first = match.index === 0 && !ARTICLE_OF_NAME.test(text.slice(word.start, word.end + 2));
    if (carries(word.text, first)) {
      if (open) open.end = word.end;
      else open = { start: word.start, end: word.end };
      between = [];
    } else if (open && WITHIN.has(word.text) && between.length < 2) between.push(word);
    else close();
  }
  close();
  return found;
}

/** Whether a word is part of a name, number or date. `first`: its capital may come from the beginning of a sentence. */
function carries(word: string, first: boolean): boolean {
  if (/\p{N}/u.test(word)) return true;
  if (word === 'I' || !/^\p{Lu}|^\p{L}['’]\p{Lu}/u.test(word)) return false;
  return !first || !FUNCTION_WORDS.has(word.toLowerCase());
}

/** What may stand between two words of one run: a space, the dot of an initial, the comma of a date. */
function joins(left: string, gap: string, right: string): boolean {
  if (/^[^\S\n]$/.test(gap) || gap === '') return true;
  const word = left.slice(left.search(/[^\s.]+$/u));
  if (/^\.\s?$/.test(gap)) return /^(?:\p{Lu}|St|Mt|Dr|Mr|Mrs|Ms|\d{1,2})$/u.test(word);
  return gap === ', ' && /^\d{1,2}(?:st|nd|rd|th)?$/.test(word) && /^\d{4}$/.test(right);
}

/** The words of a run in a script without capitals; single characters are particles more often than names. */
function caselessWords({ start, text }: Word): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (const { segment, index, isWordLike } of words.segment(text)) {
    const letters = [...segment].length;
    if (isWordLike && letters > 1) found.push({ start: start + index, end: start + index + segment.length });
  }
  return found;
}
