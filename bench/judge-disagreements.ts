/** Why the whole-word rule and TriviaQA's substring rule give different verdicts on a response. */
import { contains, spelling } from '../src/judge/contains.js';
import { asDate, datesIn } from '../src/judge/dates.js';
import { words } from '../src/judge/normalise.js';
import { unifyNumbers } from '../src/judge/numbers.js';
import { createJudge, type Verdict } from '../src/judge/rule.js';

/** TriviaQA's normalisation, written anew here: an explanation must not come from the code that it explains. */
function triviaQa(text: string): string {
  return text
    .toLowerCase()
    .replace(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~‘’´]/g, ' ')
    .split(/\s+/)
    .filter((word) => !['', 'a', 'an', 'the'].includes(word))
    .join(' ');
}

const withoutAccents = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '');
const letters = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '');

/** Kinds of disagreement, with a word on who is right. */
export function explainDisagreement(verdict: Verdict, response: string, aliases: string[]): string {
  if (verdict === 'uncertain') {
    return words(response).length === 0
      ? 'no letter or digit: no claim'
      : createJudge(aliases, { markers: [] })(response) === 'correct'
        ? 'uncertainty marker, next to an accepted answer'
        : 'uncertainty marker: no answer, so neither right nor wrong';
  }
  return verdict === 'wrong' ? whyOnlySubstring(response, aliases) : whyOnlyWords(response, aliases);
}

function whyOnlySubstring(response: string, aliases: string[]): string {
  const text = triviaQa(response);
  const found = aliases.map(triviaQa).filter((alias) => alias !== '' && text.includes(alias));
  // Of several aliases inside the response, the longest says most.
  const alias = found.sort((a, b) => b.length - a.length)[0];
  const at = text.indexOf(alias);
  const [before, after] = [text[at - 1] ?? ' ', text[at + alias.length] ?? ' '];
  if (/^\d/.test(alias) && /\d/.test(before)) return 'number inside a number ("4" in "14")';
  if (/\d$/.test(alias) && /\d/.test(after)) return 'number inside a number ("4" in "40")';
  if (before !== ' ' || after !== ' ') {
    if (alias.length <= 3) return 'short alias inside a word ("mo" in "Missouri")';
    if (
      before === ' ' &&
      /^(s|es|n|ns|d|ed|r|ly|al|an|ian|ism|ist|er|ers|ing|y)$/.test(
        text.slice(at + alias.length).split(' ')[0],
      )
    ) {
      return 'alias with an ending ("magnet" in "magnets")';
    }
    return 'alias inside a longer word';
  }
  if (/\d/.test(alias) || unifyNumbers(alias.split(' ')).join(' ') !== alias) {
    return 'part of a larger number in words ("four" in "twenty four", "2" in "2 1/2")';
  }
  if (words(response).some((word) => /[+#]$|^-\d/.test(word)))
    return 'sign that changes the meaning ("O" in "O+")';
  return 'other: articles, initials and punctuation';
}

function whyOnlyWords(response: string, aliases: string[]): string {
  const list = words(response);
  const matching = aliases.filter((alias) => createJudge([alias], { markers: [] })(response) === 'correct');
  const text = triviaQa(response);
  if (matching.some((alias) => withoutAccents(text).includes(triviaQa(withoutAccents(alias)))))
    return 'accents';
  const dates = datesIn(list.join(' '));
  if (matching.some((alias) => dates.includes(asDate(words(alias).join(' ')) ?? 'none')))
    return 'order of a date';
  if (matching.some((alias) => contains(spelling(list), spelling(words(alias))))) {
    return matching.some((alias) =>
      letters(withoutAccents(text)).includes(letters(withoutAccents(triviaQa(alias)))),
    )
      ? 'spacing, hyphens, initials ("J.R." and "JR")'
      : 'thousands separators and other punctuation';
  }
  return 'numbers in words and digits ("six" and "6", "second" and "2nd")';
}
