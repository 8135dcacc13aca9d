const UNITS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen';
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety';
const ORDINAL_UNITS =
  'zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth';
const ORDINAL_TENS = 'twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth';

const numbered = (list: string, start: number, step: number) =>
  list.split(' ').map((word, i): [string, number] => [word, start + i * step]);
const CARDINALS = new Map([...numbered(UNITS, 0, 1), ...numbered(TENS, 20, 10)]);
const ORDINALS = new Map([...numbered(ORDINAL_UNITS, 0, 1), ...numbered(ORDINAL_TENS, 20, 10)]);
const SCALES = new Map([
  ['thousand', 1e3],
  ['million', 1e6],
  ['billion', 1e9],
  ['trillion', 1e12],
]);

const isNumeral = (word: string | undefined) => word !== undefined && /^-?\d+(\.\d+)?$/.test(word);

/**
 * Writes the numbers in a list of normalised words in one way: `twenty four` gives `24`, `one hundred and five` `105`,
 * `2.5 million` `2500000`, `nineteen eighty four` `1984`, `fourth` and `4th` both `4th`, `2nd` `2th`. A number is one
 * word afterwards, so that "four" is not found in "twenty four". Other words stay, among them the `one` of "no one".
 */
export function unifyNumbers(list: string[]): string[] {
  const result: string[] = [];
  for (let i = 0; i < list.length; ) {
    const number = readNumber(list, i);
    if (number === undefined) {
      result.push(list[i++].replace(/^(\d+)(?:st|nd|rd)$/, '$1th'));
    } else {
      result.push(number.text);
      i = number.next;
    }
  }
  return result;
}

function readNumber(list: string[], start: number): { text: string; next: number } | undefined {
  if (list[start] === 'one' && list[start - 1] === 'no') return undefined;
  if (isNumeral(list[start]) && !SCALES.has(list[start + 1])) {
    return { text: String(Number(list[start])), next: start + 1 };
  }
  let total = 0;
  let group: number | undefined;
  let ordinal = false;
  let i = start;
  for (; i < list.length && !ordinal; i++) {
    const word = list[i];
    const cardinal = CARDINALS.get(word) ?? (i === start && isNumeral(word) ? Number(word) : undefined);
    const value = cardinal ?? ORDINALS.get(word);
    if (value !== undefined) {
      const joined = joinValue(group, value);
      if (joined === undefined) break;
      group = joined;
      ordinal = cardinal === undefined;
    } else if (word === 'hundred' && group !== undefined && group > 0 && group < 100) {
      group *= 100;
    } else if (SCALES.has(word) && group !== undefined) {
      total += group * SCALES.get(word)!;
      group = 0;
    } else if (!(word === 'and' && follows(list, i, group ?? 0, total))) {
      break;
    }
  }
  if (group === undefined) return undefined;
  return { text: `${total + group}${ordinal ? 'th' : ''}`, next: i };
}

/** Puts a value below 100 behind the number so far (`20` + `4`, `100` + `5`, the year `19` + `84`), where that reads as one number. */
function joinValue(group: number | undefined, value: number): number | undefined {
  if (group === undefined) return value;
  if (group === 0) return value;
  if (group % 100 === 0) return group + value;
  if (group % 10 === 0 && group % 100 >= 20 && value > 0 && value < 10) return group + value;
  if (group >= 11 && group <= 20 && value >= 10) return group * 100 + value;
  return undefined;
}

/** "and" belongs to a number only behind a hundred or a scale ("one hundred and five"): "two and three" are two numbers. */
function follows(list: string[], at: number, group: number, total: number): boolean {
  const open = group >= 100 ? group % 100 === 0 : total > 0 && group === 0;
  return open && (CARDINALS.has(list[at + 1]) || ORDINALS.has(list[at + 1]));
}
