import type { Interval } from '../stats/interval.js';

/**
 * A number with so many digits behind the point, rounded half up as on paper: .715 is .72, though its binary fraction lies a little
 * below. Every number that is shown goes through here, so that one figure reads the same wherever it stands.
 */
export function formatFixed(value: number, digits: number): string {
  const scaled = Number((Math.abs(value) * 10 ** digits).toPrecision(12));
  if (!Number.isFinite(scaled)) return String(value);
  const text = (Math.round(scaled) / 10 ** digits).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `-${text}` : text;
}

/** The same without the zero before the point. */
const pointed = (value: number, digits: number) => formatFixed(value, digits).replace(/^0\./, '.');

/** A share, AUROC or probability: `.87`, `1.00`. A third digit where two would round to 0 or 1 what is neither. */
export function formatShare(value: number): string {
  const text = pointed(value, 2);
  return (text === '1.00' && value < 1) || (text === '.00' && value > 0) ? pointed(value, 3) : text;
}

/** `.83–.91` */
export function formatRange({ low, high }: Pick<Interval, 'low' | 'high'>): string {
  return `${formatShare(low)}–${formatShare(high)}`;
}

/** A difference of shares: `+.12`, `−.04`, `+.003`; `0` for what rounds to that in three digits. */
export function formatSigned(value: number): string {
  const size = Math.abs(value);
  if (size < 0.0005) return '0';
  const text = size < 0.01 ? pointed(size, 3) : formatShare(size);
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** `−.01 to +.17` */
export function formatSignedRange({ low, high }: Pick<Interval, 'low' | 'high'>): string {
  return `${formatSigned(low)} to ${formatSigned(high)}`;
}

/** A change with its sign, of any size: `+17.5`, `−4.10`, `0.00`. */
export function formatChange(value: number, digits: number): string {
  const text = formatFixed(Math.abs(value), digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? '−' : '+'}${text}`;
}

/** 23 of 40 is 57.5, though .575 * 100 is a little less. */
export const wholePercent = (share: number) => Number(formatFixed(share * 100, 0));

/** Digits that a comparison is given at most. */
const MOST_DIGITS = 4;

/**
 * Two shares and their difference, with as many digits as make what is shown add up: `.85`, `.69`, `+.16`; but `.854`, `.687`, `+.167`,
 * as two digits would give `.85`, `.69`, `+.17`.
 * @returns texts of both, of the difference, and of the ends of its interval
 */
export function formatCompared(
  first: number,
  second: number,
  { estimate, low, high }: Interval,
): { first: string; second: string; difference: string; low: string; high: string } {
  for (let digits = 2; ; digits++) {
    const share = digits === 2 ? formatShare : (value: number) => pointed(value, digits);
    const signed =
      digits === 2
        ? formatSigned
        : (value: number) => {
            const text = pointed(Math.abs(value), digits);
            return Number(text) === 0 ? '0' : `${value < 0 ? '−' : '+'}${text}`;
          };
    const [a, b] = [share(first), share(second)];
    const shown = signed(estimate);
    const gap = Number(a) - Number(b) - Number(shown.replace('−', '-'));
    // Further digits may go on differing by one in the last place: there the difference of what is shown is told.
    const adds = Math.abs(gap) < 1e-9;
    if (adds || digits === MOST_DIGITS) {
      const difference = adds ? shown : signed(Number(a) - Number(b));
      return { first: a, second: b, difference, low: signed(low), high: signed(high) };
    }
  }
}

/** A difference of shares in percentage points: `+8`; `0` for what rounds to that. */
export function formatPoints(value: number): string {
  const points = wholePercent(Math.abs(value));
  return points === 0 ? '0' : `${value < 0 ? '−' : '+'}${points}`;
}

/** `−1 to +17` */
export function formatPointsRange({ low, high }: Pick<Interval, 'low' | 'high'>): string {
  return `${formatPoints(low)} to ${formatPoints(high)}`;
}

/** `82 %`, with a space that does not break. */
export function formatPercent(value: number): string {
  return `${wholePercent(value)}\u00a0%`;
}

/** `77–86 %` */
export function formatPercentRange({ low, high }: Pick<Interval, 'low' | 'high'>): string {
  const [from, to] = [wholePercent(low), wholePercent(high)];
  return `${from === to ? from : `${from}–${to}`}\u00a0%`;
}

/** `12,345` */
export function formatCount(value: number): string {
  return value.toLocaleString('en-GB');
}

/** Share of all neurons in permille, two significant digits: `.35 ‰`. */
export function formatPermille(part: number, whole: number): string {
  const permille = Number(((part / whole) * 1000).toPrecision(2));
  return `${String(permille).replace(/^0\./, '.')}\u00a0‰`;
}

/** A p-value of a permutation test: `p = .03`, `p < .001`. */
export function formatP(p: number): string {
  if (p < 0.001) return 'p < .001';
  return `p = ${pointed(p, p < 0.01 ? 3 : 2)}`;
}

/** `1 h 05 min`, `4 min 07 s`, `12 s`, `.4 s` */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.95) return `${pointed(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/**
 * Makes untrusted text (model answers, file names) safe to show: control characters, which could steer a terminal, and
 * marks that turn the writing direction, which could make text read as something else, become visible as `<U+202E>`;
 * a lone surrogate becomes the replacement character. Line breaks become `↵`, tabs `⇥`.
 */
export function visibleText(text: string): string {
  return text
    .replace(/\r?\n/g, '↵')
    .replace(/\t/g, '⇥')
    .replace(/[\p{Cc}\u2028\u2029\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu, (character) => {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      return `<U+${code}>`;
    })
    .replace(/\p{Surrogate}/gu, '\uFFFD');
}

/** Cuts a text to at most `most` characters, the last of them an ellipsis. */
export function shorten(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}

/** A change of a share in percentage points: `+17.5`, `−4.1`. */
export function formatPointChange(value: number): string {
  return formatChange(value * 100, 1);
}

/** A sentence from words that may also stand within one. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
