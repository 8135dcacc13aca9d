/** Letters that Unicode does not decompose into a base letter and an accent. */
const FOLDED: Record<string, string> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
};
const FOLDABLE = /[ßæœøłđðþı]/g;

// Accents of Latin, Greek and Cyrillic, Arabic short vowels, Hebrew points. Vowel signs of Thai or Devanagari and the
// voicing marks of kana are letters of their own there: they stay.
const ACCENTS = /[\u0300-\u036f\u064b-\u065f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/g;

const ARTICLES = new Set(['a', 'an', 'the']);

/**
 * Lower-cased words of a text without accents and punctuation.
 *
 * Kept because they change the meaning: the decimal point (`4.5`), a minus sign in front of a number (`-4`), and
 * `+` / `#` at the end of a word (`C++`, `F#`). Thousands separators go (`1,000` and `1 000` with a no-break or thin space
 * give `1000`); the dots of initials and the apostrophe go without a gap (`R.E.M.` gives `rem`, `don't` gives `dont`),
 * except before a possessive s, which becomes a word of its own (`Jack's` gives `jack`, `s`).
 */
export function words(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))/g, '')
    .normalize('NFKD')
    .replace(ACCENTS, '')
    .normalize('NFKC')
    .replace(FOLDABLE, (letter) => FOLDED[letter])
    .replace(/(?<=\d),(?=\d{3}(?!\d))/g, '')
    .replace(/(?<![\p{L}\p{N}])(?:\p{L}\.){2,}(?:\p{L}(?![\p{L}\p{N}]))?/gu, (initials) =>
      initials.replaceAll('.', ''),
    )
    .replace(/['’‘ʼ`´](?=s(?![\p{L}\p{N}]))/gu, ' ')
    .replace(/(?<=\p{L})['’‘ʼ`´](?=\p{L})/gu, '')
    .replace(/(?<=\d)\.(?=\d)/g, '\ue000')
    .replace(/(?<![\p{L}\p{N})])[-−](?=\d)/gu, ' \ue001')
    .replace(/(?<=[\p{L}\p{N}])[+#]+(?![\p{L}\p{N}])/gu, (signs) =>
      signs.replaceAll('+', '\ue002').replaceAll('#', '\ue003'),
    )
    .replace(/[^\p{L}\p{N}\p{M}\ue000-\ue003]+/gu, ' ')
    .replace(/[\ue000-\ue003]/g, (mark) => '.-+#'[mark.charCodeAt(0) - 0xe000])
    .split(' ')
    .filter((word) => word !== '');
}

/**
 * Leaves out `a`, `an` and `the`, except as the last word: "Vitamin A" is not "vitamin". A text of articles only
 * ("The The") is left as it is.
 */
export function withoutArticles(list: string[]): string[] {
  const kept = list.filter((word, i) => i === list.length - 1 || !ARTICLES.has(word));
  return kept.length === 1 && ARTICLES.has(kept[0]) ? list : kept;
}

/** The form in which answers are compared and counted: lower case, no accents, no articles, no punctuation, single spaces. */
export function normalise(text: string): string {
  return withoutArticles(words(text)).join(' ');
}
