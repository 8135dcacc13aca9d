import { inspect } from 'node:util';
import type { z } from 'zod';
import { UserError } from '../errors.js';

/** What a value must be. */
export interface Rule {
  holds(value: unknown): boolean;
  /** `a number from 0 to 3` */
  what: string;
}

/** One rule for each key of an options type; values that are undefined are not checked. */
export type Rules<T> = Record<keyof T, Rule>;

export const rule = (what: string, holds: (value: unknown) => boolean): Rule => ({ what, holds });

export const numberFrom = (low: number, high: number): Rule =>
  rule(
    `a number from ${low} to ${high}`,
    (value) => typeof value === 'number' && value >= low && value <= high,
  );

export const integerFrom = (low: number, high = Number.MAX_SAFE_INTEGER): Rule =>
  rule(
    high === Number.MAX_SAFE_INTEGER
      ? `a whole number of at least ${low}`
      : `a whole number from ${low} to ${high}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= low && Number(value) <= high,
  );

export const oneOf = (...values: string[]): Rule =>
  rule(`one of ${values.join(', ')}`, (value) => typeof value === 'string' && values.includes(value));

export const TEXT = rule(
  'a text that is not empty',
  (value) => typeof value === 'string' && value.trim() !== '',
);
export const FLAG = rule('true or false', (value) => typeof value === 'boolean');
export const CALLBACK = rule('a function', (value) => typeof value === 'function');
export const SIGNAL = rule('an AbortSignal', (value) => value instanceof AbortSignal);
export const SHARE = numberFrom(0, 1);

export const listOf = (what: string, holds: (one: unknown) => boolean): Rule =>
  rule(what, (value) => Array.isArray(value) && value.every(holds));

/** An object whose fields, those that are given, are right by a schema. */
export function partOf(schema: z.ZodObject): Rule {
  const strict = schema.partial().strict();
  return rule(
    `an object with some of ${Object.keys(schema.shape).join(', ')}, each in its range`,
    (value) => {
      const given = isObject(value)
        ? Object.entries(value).filter(([, one]) => one !== undefined)
        : undefined;
      return given !== undefined && strict.safeParse(Object.fromEntries(given)).success;
    },
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param name of the value, as the caller knows it @throws UserError for a value that breaks a rule */
export function check(name: string, value: unknown, { holds, what }: Rule): void {
  if (!holds(value)) throw wrong(`${name} must be ${what}, not ${shown(value)}`);
}

/**
 * Checks the options of a call.
 * @param call name of the function, for messages
 * @throws UserError that names the first option that is unknown or wrong
 */
export function checkOptions<T extends object>(call: string, options: T, rules: Rules<Required<T>>): void {
  if (!isObject(options)) throw wrong(`${call}: the options must be an object, not ${shown(options)}`);
  const names = Object.keys(rules);
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      const near = nearest(name, names);
      const advice = near === undefined ? `it takes ${names.join(', ')}` : `did you mean ${near}?`;
      throw wrong(`${call}: unknown option ${shown(name)}; ${advice}`);
    }
    if (value !== undefined) check(`${call}: ${name}`, value, rules[name as keyof T]);
  }
}

const wrong = (message: string) => new UserError(message, { exitCode: 2 });

function shown(value: unknown): string {
  const text = inspect(value, { depth: 1, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 80 });
  return text.replace(/\s*\n\s*/g, ' ').slice(0, 160);
}

/** The name that differs least from a mistyped one; undefined if none is close. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '');
  const [best] = names
    .map((name) => ({ name, distance: editDistance(plain(typed), plain(name)) }))
    .filter(({ name, distance }) => distance <= Math.ceil(name.length / 3))
    .sort((a, b) => a.distance - b.distance);
  return best?.name;
}

/** Levenshtein's: insertions, deletions and changes of single characters. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
