const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const DAY_MS = 86_400_000;

/**
 * Formats a date as Python's `strftime` does in the C locale, in UTC: the same on every machine. Unknown codes stay as they are. `%-d`
 * and `%#d` leave out the padding, `%_d` pads with spaces.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-#_0^]?)([A-Za-z%])/g, (code, flag: string, letter: string) => {
    const field = FIELDS[letter];
    if (!field) return code;
    const [value, width, fill = '0'] = field(date);
    if (typeof value === 'string') return flag === '^' ? value.toUpperCase() : value;
    if (flag === '-' || flag === '#') return String(value);
    return String(value).padStart(width ?? 1, flag === '_' ? ' ' : flag === '0' ? '0' : fill);
  });
}

type Field = (date: Date) => [value: string | number, width?: number, fill?: string];

const hour12 = (date: Date) => date.getUTCHours() % 12 || 12;
const dayOfYear = (date: Date) =>
  Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
/** Weeks of a year that begin with its first weekday `first`. */
const weekFrom = (date: Date, first: number) =>
  Math.floor((dayOfYear(date) + 6 - ((date.getUTCDay() - first + 7) % 7)) / 7);
const composed =
  (format: string): Field =>
  (date) => [strftime(date, format)];

const FIELDS: Record<string, Field> = {
  a: (date) => [DAYS[date.getUTCDay()].slice(0, 3)],
  A: (date) => [DAYS[date.getUTCDay()]],
  b: (date) => [MONTHS[date.getUTCMonth()].slice(0, 3)],
  h: (date) => [MONTHS[date.getUTCMonth()].slice(0, 3)],
  B: (date) => [MONTHS[date.getUTCMonth()]],
  c: composed('%a %b %e %H:%M:%S %Y'),
  C: (date) => [Math.floor(date.getUTCFullYear() / 100), 2],
  d: (date) => [date.getUTCDate(), 2],
  D: composed('%m/%d/%y'),
  e: (date) => [date.getUTCDate(), 2, ' '],
  f: (date) => [1000 * date.getUTCMilliseconds(), 6],
  F: composed('%Y-%m-%d'),
  G: (date) => [isoWeek(date).year],
  H: (date) => [date.getUTCHours(), 2],
  I: (date) => [hour12(date), 2],
  j: (date) => [dayOfYear(date), 3],
  k: (date) => [date.getUTCHours(), 2, ' '],
  l: (date) => [hour12(date), 2, ' '],
  m: (date) => [date.getUTCMonth() + 1, 2],
  M: (date) => [date.getUTCMinutes(), 2],
  n: () => ['\n'],
  p: (date) => [date.getUTCHours() < 12 ? 'AM' : 'PM'],
  P: (date) => [date.getUTCHours() < 12 ? 'am' : 'pm'],
  r: composed('%I:%M:%S %p'),
  R: composed('%H:%M'),
  s: (date) => [Math.floor(date.getTime() / 1000)],
  S: (date) => [date.getUTCSeconds(), 2],
  t: () => ['\t'],
  T: composed('%H:%M:%S'),
  u: (date) => [date.getUTCDay() || 7],
  U: (date) => [weekFrom(date, 0), 2],
  V: (date) => [isoWeek(date).week, 2],
  w: (date) => [date.getUTCDay()],
  W: (date) => [weekFrom(date, 1), 2],
  x: composed('%m/%d/%y'),
  X: composed('%H:%M:%S'),
  y: (date) => [date.getUTCFullYear() % 100, 2],
  Y: (date) => [date.getUTCFullYear()],
  z: () => ['+0000'],
  Z: () => ['UTC'],
  '%': () => ['%'],
};

/** The week of ISO 8601: that of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * DAY_MS);
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}
