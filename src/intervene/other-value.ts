import { words } from '../judge/normalise.js';
import { unifyNumbers } from '../judge/numbers.js';
import { mentions } from '../questions/aliases.js';

/**
 * Whether an answer names a value of its own, other than the right one, where nobody has listed the values that there are: a name or
 * number at a place where answers stand.
 */

/** In front of the answer itself; as often as they come. */
const LEAD_IN =
  /^\s*(?:(?:yes|no|oh|oops|well|ok(?:ay)?|sure|right|correct|indeed|actually|sorry|i['’]m (?:so )?sorry|i am (?:so )?sorry|i apologi[sz]e|(?:my )?apologies|you(?:['’]re| are) right|my mistake)(?![\p{L}])[^,.;:!?\n]{0,60}[,.;:!?\n–—-]+\s*|i (?:now )?(?:think|believe|guess) (?:that )?)/iu;
const FILLER =
  '(?:(?:actually|really|indeed|in fact|probably|officially|called|named|known as|located|situated|part of|in|from|by|the|an?|city of|state of|country of|island of|year) )*';
const IS = "(?: is| was| are| were| should be| would be| must be|['’]s)";

/** Places of answers, some with a subject, which must be what the question is about. */
const ANSWER = new RegExp(`(?<![\\p{L}])(?:answer|response)(?:${IS})?:? ${FILLER}`, 'giu');
const SUBJECT = '(?:^|[.,;:!?] |\n|\\bthat )(?:(?:that|but|and|i (?:think|believe)) )*([^.,;:!?\n]{2,80}?)';
const PLACE = new RegExp(`${SUBJECT}${IS} ${FILLER}`, 'giu');
const POSSESSION = new RegExp(`${SUBJECT} (?:has|have|had) ${FILLER}`, 'giu');
const PRONOUN = /(?:^| )(?:it|he|she|they|there)$/i;

const NAME =
  /^["'“‘*(]*(\.?(?:\p{Lu}|\+?\p{N})[\p{L}\p{N}\p{M}.'’-]*(?: (?:(?:of|the|and|de|la|von|van|da|del|&) )?(?:\p{Lu}|\p{N})[\p{L}\p{N}\p{M}.'’-]*)*|\.\p{Ll}{2,})/u;
const PLAIN = /^["'“‘*(]*(\p{Ll}[\p{L}-]*(?: \p{Ll}[\p{L}-]*){0,2})["'”’*)]*\s*(?:[.,;!?]|$)/u;
/** Capitalised or not, these answer nothing. */
const NO_VALUE = new RegExp(
  `^(?:${[
    "i|i['’](?:m|ll|ve|d)|ai|it|he|she|they|we|you|this|that|these|those|there|here|(?:my|your|our|what|why|how) .*|my|your|our|the|an?",
    'not?|yes|true|false|right|correct|wrong|incorrect|sure|certain|sorry|unsure|unknown|unclear|possible|important',
    'ok|okay|fine|good|great|thanks?|thank you|please|hello|hi|maybe|perhaps|unfortunately|however|apologies',
    'as|at|in|on|for|from|of|to|with|by|but|and|or|so|if|when|while|since|because|although|based|according|both|many|most|some|all',
  ].join('|')})$`,
  'iu',
);
const LONGEST_BARE = 5;
const SHORT = 3;

interface Asked {
  question: string;
  right: readonly string[];
}

/**
 * Whether an answer to a question names something else: "It is Quito", "The answer is Quito", "Quito", "The capital of Peru is Quito",
 * "Quito is the capital of Peru"; but not "The sea is blue". Names that stand in the question are none, nor are parts of right answers;
 * where the right answer is a number, only a number is a value.
 */
export function namesAnother(text: string, asked: Asked): boolean {
  let rest = text.trim();
  for (let lead = LEAD_IN.exec(rest); lead; lead = LEAD_IN.exec(rest)) rest = rest.slice(lead[0].length);
  if (words(rest).length <= LONGEST_BARE && isBare(rest, asked)) return true;
  if (rest.split(/[.!?;]\s+|\n/).some((sentence) => opensWithValue(sentence, asked))) return true;
  const patterns = isNumber(asked.right[0] ?? '') ? [ANSWER, PLACE, POSSESSION] : [ANSWER, PLACE];
  return patterns.some((pattern) =>
    [...rest.matchAll(pattern)].some(
      ({ index, 0: match, 1: subject }) =>
        (subject === undefined || PRONOUN.test(subject) || isAbout(subject, asked.question)) &&
        valueAt(rest.slice(index + match.length), asked) !== undefined,
    ),
  );
}

/** Nothing but a value. */
function isBare(text: string, asked: Asked): boolean {
  const value = valueAt(text, asked);
  return (
    value !== undefined && /^[^\p{L}\p{N}?]*(?:,|$)/u.test(text.slice(text.indexOf(value) + value.length))
  );
}

/** "Quito is the capital of Peru": a value and then mostly words of the question. */
function opensWithValue(sentence: string, asked: Asked): boolean {
  const value = valueAt(sentence, asked);
  if (value === undefined) return false;
  const rest = sentence.slice(sentence.indexOf(value) + value.length);
  if (!/^["'”’)]*\s+\p{Ll}/u.test(rest)) return false;
  const known = contentOf(asked.question);
  const said = contentOf(rest);
  const shared = said.filter((word) => known.includes(word)).length;
  return shared >= 2 || (shared === 1 && said.length === 1);
}

/** The value that a text begins with. */
function valueAt(text: string, { question, right }: Asked): string | undefined {
  const numeric = isNumber(right[0] ?? '');
  // Where right answers are written small, others may be, and so may numbers.
  const small = numeric || /^\p{Ll}/u.test(right[0] ?? '');
  const value = (NAME.exec(text) ?? (small ? PLAIN.exec(text) : null))?.[1].replace(/[.'’-]+$/, '');
  if (value === undefined || NO_VALUE.test(value)) return undefined;
  if (mentions(question, value) || right.some((one) => mentions(one, value))) return undefined;
  return numeric && !isNumber(value) ? undefined : value;
}

const isNumber = (text: string) => unifyNumbers(words(text)).some((word) => /^[-.]?\d/.test(word));

/** Whether all that a subject speaks of stands in the question. */
function isAbout(subject: string, question: string): boolean {
  const said = contentOf(subject);
  const known = contentOf(question);
  return said.length > 0 && said.every((word) => known.includes(word));
}

/** The words that carry meaning. */
const contentOf = (text: string) =>
  words(text).filter(
    (word) =>
      word.length > SHORT &&
      !/^(?:what|which|whose|where|when|does|with|from|that|this|were|have|been|some|only|into|called)$/.test(
        word,
      ),
  );
