import type { GgufValue, Metadata, StringList } from './types.js';

/** Constructors for metadata values, for writing. */
export const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
export const float32 = (value: number): GgufValue => ({ type: 'float32', value });
export const bool = (value: boolean): GgufValue => ({ type: 'bool', value });
export const string = (value: string): GgufValue => ({ type: 'string', value });
export const strings = (value: StringList): GgufValue => ({ type: 'array', items: 'string', value });

/** The string under `key`; undefined where it is missing or of another type. */
export function stringAt(metadata: Metadata, key: string): string | undefined {
  const entry = metadata.get(key);
  return entry?.type === 'string' ? entry.value : undefined;
}

/** The whole number under `key`, of any numeric type; undefined where it is missing, no whole number, or beyond 2^53. */
export function numberAt(metadata: Metadata, key: string): number | undefined {
  const value = metadata.get(key)?.value;
  const number = typeof value === 'bigint' ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

/** The boolean under `key`; undefined where it is missing or of another type. */
export function booleanAt(metadata: Metadata, key: string): boolean | undefined {
  const entry = metadata.get(key);
  return entry?.type === 'bool' ? entry.value : undefined;
}

/** The string array under `key`; undefined where it is missing or of another type. */
export function stringsAt(metadata: Metadata, key: string): StringList | undefined {
  const entry = metadata.get(key);
  return entry?.type === 'array' && entry.items === 'string' ? entry.value : undefined;
}

/** Text from a file made fit for one line of a message: no control characters, cut at `most` characters. */
export function printable(text: string, most = 80): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return clean.length > most ? `${clean.slice(0, most - 3)}...` : clean;
}
