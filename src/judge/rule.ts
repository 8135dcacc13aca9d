import { finalAnswer } from '../engine/text/thought.js';
import { contains, type Spelling, spelling } from './contains.js';
import { asDate, datesIn } from './dates.js';
import { withoutArticles, words } from './normalise.js';
import { unifyNumbers } from './numbers.js';
import { holdsMarker, prepareMarkers, UNCERTAINTY_MARKERS } from './uncertainty.js';

export type Verdict = 'correct' | 'wrong' | 'uncertain';

export interface JudgeOptions {
  /**
   * `words` (default): an alias must be there as whole words. `substring`: TriviaQA's own normalisation and plain substring
   * search, for reproducing published runs; it takes "4" as found in "40".
   */
  rule?: 'words' | 'substring';
  /** Phrases that make a response `uncertain`; default {@link UNCERTAINTY_MARKERS}. */
  markers?: readonly string[];
}

/** The alias in the forms in which it is looked for. */
interface Form {
  plain: Spelling;
  bare: Spelling;
  date?: string;
  raw: string;
}

/**
 * Judges responses to one question: `correct` when an accepted alias is contained in the response as whole words, whatever
 * its case, accents, punctuation, articles, spelling of numbers ("four", "4") and order of dates.
 *
 * `uncertain`: a response with an uncertainty marker, unless the marker belongs to an accepted answer that was given ("I
 * Don't Know How to Love Him"); also a response without any letter or digit, as it claims nothing and so is no hallucination. Aliases
 * without a letter or digit ("%") are correct only as the whole response.
 *
 * Thoughts are left out: the answer behind them is judged. A response that ends inside one is `uncertain`.
 *
 * @param aliases every accepted answer; those that are empty match nothing.
 */
export function createJudge(
  aliases: readonly string[],
  options: JudgeOptions = {},
): (response: string) => Verdict {
  const markers = prepareMarkers(options.markers ?? UNCERTAINTY_MARKERS);
  const matcher = options.rule === 'substring' ? substringMatcher(aliases) : wordMatcher(aliases);
  return (given) => {
    const response = finalAnswer(given) ?? '';
    const list = words(response);
    const matched = matcher(response, list);
    if (list.length === 0) return matched.length > 0 ? 'correct' : 'uncertain';
    const text = spelling(list);
    for (const marker of markers) {
      if (holdsMarker(response, text, marker) && !matched.some((alias) => contains(alias, marker.spelling)))
        return 'uncertain';
    }
    return matched.length > 0 ? 'correct' : 'wrong';
  };
}

/** {@link createJudge} for a single response. */
export function judgeResponse(
  response: string,
  aliases: readonly string[],
  options: JudgeOptions = {},
): Verdict {
  return createJudge(aliases, options)(response);
}

type Matcher = (response: string, list: string[]) => Spelling[];

function wordMatcher(aliases: readonly string[]): Matcher {
  const forms = aliases.map(toForm);
  return (response, list) => {
    const plain = spelling(unifyNumbers(list));
    const bare = spelling(unifyNumbers(withoutArticles(list)));
    const dates = datesIn(list.join(' '));
    const raw = response.trim();
    return forms
      .filter(
        (form) =>
          contains(plain, form.plain) ||
          contains(bare, form.bare) ||
          (form.date !== undefined && dates.includes(form.date)) ||
          (form.plain.letters === '' && form.raw !== '' && form.raw === raw),
      )
      .map((form) => form.plain);
  };
}

function toForm(alias: string): Form {
  const list = words(alias);
  return {
    plain: spelling(unifyNumbers(list)),
    bare: spelling(unifyNumbers(withoutArticles(list))),
    date: asDate(list.join(' ')),
    raw: alias.trim(),
  };
}

function substringMatcher(aliases: readonly string[]): Matcher {
  const forms = aliases.map((alias) => ({ text: triviaQaNormalise(alias), words: spelling(words(alias)) }));
  return (response) => {
    const text = triviaQaNormalise(response);
    return forms.filter((form) => form.text !== '' && text.includes(form.text)).map((form) => form.words);
  };
}

/** The normalisation of TriviaQA's evaluation script: ASCII punctuation and four quotation marks become spaces, articles go. */
function triviaQaNormalise(text: string): string {
  return text
    .toLowerCase()
    .replace(/[!-/:-@[-`{-~‘’´]/g, ' ')
    .replace(/(?<![\p{L}\p{N}])(a|an|the)(?![\p{L}\p{N}])/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
