const MONTHS = 'january february march april may june july august september october november december'.split(
  ' ',
);
const MONTH = `(${MONTHS.map((name) => `${name}|${name.slice(0, 3)}`).join('|')}|sept)`;
const DAY = '(\\d{1,2})(?:st|nd|rd|th)?';
const FORMS: { pattern: string; order: ['day' | 'month' | 'year', ...('day' | 'month' | 'year')[]] }[] = [
  { pattern: `(\\d{4}) (\\d{2}) (\\d{2})`, order: ['year', 'month', 'day'] },
  { pattern: `${DAY} (?:of )?${MONTH}(?: (\\d{4}))?`, order: ['day', 'month', 'year'] },
  { pattern: `${MONTH} ${DAY}(?: (\\d{4}))?`, order: ['month', 'day', 'year'] },
];

/** The dates in a normalised text, as `YYYY-MM-DD`, or `-MM-DD` where there is no year. English month names. */
export function datesIn(text: string): string[] {
  return FORMS.flatMap(({ pattern, order }) =>
    [...text.matchAll(new RegExp(`(?<!\\S)${pattern}(?!\\S)`, 'g'))].map((match) => toIso(match, order)),
  );
}

/** The date that a normalised text is as a whole, if it is one. */
export function asDate(text: string): string | undefined {
  for (const { pattern, order } of FORMS) {
    const match = new RegExp(`^${pattern}$`).exec(text);
    if (match) return toIso(match, order);
  }
  return undefined;
}

function toIso(match: RegExpMatchArray, order: string[]): string {
  const part = (name: string) => match[order.indexOf(name) + 1];
  const month = part('month');
  const named = MONTHS.findIndex((name) => name.startsWith(month.slice(0, 3)));
  const number = named >= 0 ? String(named + 1) : month;
  return `${part('year') ?? ''}-${number.padStart(2, '0')}-${part('day').padStart(2, '0')}`;
}
