import { createJudge } from '../judge/rule.js';

/**
 * Which of the known values an answer gives, and which it denies. The values are first replaced with marks, so that the rules below see
 * neither their words ("False", "No", "Not") nor their full stops ("Washington, D.C.").
 */
export const RIGHT = '\ue010';
export const WRONG = '\ue011';

const PIECE = /[\p{L}\p{N}\p{M}'’.+#-]+/gu;
const LOOSE_END = /[.'’-]$/;

/**
 * An answer with {@link RIGHT} for each right value and {@link WRONG} for each wrong one. Right values come first: a wrong one never
 * holds a right one, but it may be a part of it.
 */
export function markValues(text: string, right: readonly string[], wrong: readonly string[] = []): string {
  return mark(mark(text.trim(), right, RIGHT), wrong, WRONG);
}

function mark(text: string, values: readonly string[], sign: string): string {
  if (values.length === 0) return text;
  // Apologies are markers of uncertainty; here they stand beside answers.
  const judge = createJudge(values, { markers: [] });
  const says = (part: string) => judge(part) === 'correct';
  let rest = text;
  let done = '';
  while (says(rest)) {
    const pieces = [...rest.matchAll(PIECE)].map(({ index, 0: piece }) => [index, index + piece.length]);
    if (pieces.length === 0) return done + sign;
    let end = pieces[first(pieces.length, (i) => says(rest.slice(0, pieces[i][1])))][1];
    const last = pieces.length - 1;
    const start = pieces[last - first(pieces.length, (i) => says(rest.slice(pieces[last - i][0], end)))][0];
    while (LOOSE_END.test(rest.slice(start, end)) && says(rest.slice(start, end - 1))) end--;
    done += rest.slice(0, start) + sign;
    rest = rest.slice(end);
  }
  return done + rest;
}

/** The first of `count` places at which `holds` turns true; it is true at the last. */
function first(count: number, holds: (i: number) => boolean): number {
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

const NEGATION = "(?:not|never|neither|nor|(?:is|was|are|were|does|do|did)n['’]t|rather than|instead of)";
/** "I am not sure that it is X" and "not only X" deny nothing, nor does "X is not wrong". */
const AFTER = '(?! (?:sure|certain|only|just|wrong|incorrect|false|a mistake)(?![\\p{L}]))';
/** Words in between; a new clause ends what a negation reaches. */
const BETWEEN = `(?:(?!(?:but|it|he|she|and)(?![\\p{L}]))[^\\s,;:.!?${RIGHT}${WRONG}]+ ){0,4}`;

const denial = (sign: string) =>
  new RegExp(
    [
      `(?<![\\p{L}])${NEGATION}${AFTER}\\s+${BETWEEN}["'“‘]?${sign}`,
      `${sign}["'”’]? (?:(?:is|was|are|were|did|does) (?:\\p{L}+ly )?(?:not|never)|(?:is|was|are|were|did|does)n['’]t)${AFTER}(?! ${BETWEEN}[${RIGHT}${WRONG}])`,
    ].join('|'),
    'iu',
  );
const DENIALS = { [RIGHT]: denial(RIGHT), [WRONG]: denial(WRONG) };

/** Whether a marked answer denies a value: "not X", "X is not the capital". */
export const deniesValue = (marked: string, sign: typeof RIGHT | typeof WRONG) => DENIALS[sign].test(marked);

/** Whether a marked answer gives a value, and does not deny it. */
export const givesValue = (marked: string, sign: typeof RIGHT | typeof WRONG) =>
  marked.includes(sign) && !deniesValue(marked, sign);
