/** Scripts that are written without spaces between words: a word may begin and end at any letter. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u30fc]/u;
// Korean puts its particles right behind a word (서울은), so there a word may end, but not begin, inside.
const HANGUL = /\p{Script=Hangul}/u;

const LATIN = /^[!-\u024f]*$/;

/** A text without its spaces, and the places where a word may begin and end. */
export interface Spelling {
  letters: string;
  starts: Uint8Array;
  ends: Uint8Array;
}

/** Prepares normalised words for {@link contains}. */
export function spelling(list: string[]): Spelling {
  let letters = '';
  const starts: number[] = [];
  const ends: number[] = [];
  let previous = '';
  for (const word of list) {
    // Two numbers side by side are not one number: "1 2" does not hold "12".
    if (/\d$/.test(letters) && /^[\d.]/.test(word)) letters += ' ';
    starts.push(letters.length);
    // Only for speed: nothing to look for inside such a word.
    if (LATIN.test(word)) {
      letters += word;
      ends.push(letters.length);
      continue;
    }
    for (const letter of word) {
      if (UNSPACED.test(letter) || UNSPACED.test(previous)) {
        if (!/\p{M}/u.test(letter)) {
          starts.push(letters.length);
          ends.push(letters.length);
        }
      } else if (HANGUL.test(letter)) {
        ends.push(letters.length);
      }
      letters += letter;
      previous = letter;
    }
    ends.push(letters.length);
    previous = '';
  }
  return { letters, starts: marks(starts, letters.length), ends: marks(ends, letters.length) };
}

function marks(positions: number[], length: number): Uint8Array {
  const result = new Uint8Array(length + 1);
  for (const position of positions) result[position] = 1;
  return result;
}

/**
 * Whether `text` holds `part` as whole words. How the letters are spaced does not matter as long as both ends are at
 * word boundaries: "Bull-fighting" holds "bullfighting" and "bull", but not "bullf"; "REM" equals "R E M".
 */
export function contains(text: Spelling, part: Spelling): boolean {
  if (part.letters === '') return false;
  for (
    let at = text.letters.indexOf(part.letters);
    at >= 0;
    at = text.letters.indexOf(part.letters, at + 1)
  ) {
    if (text.starts[at] && text.ends[at + part.letters.length]) return true;
  }
  return false;
}
