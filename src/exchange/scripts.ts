import type { Skip } from './records.js';

const SCRIPTS = [
  ...[
    'Han',
    'Hiragana',
    'Katakana',
    'Hangul',
    'Cyrillic',
    'Greek',
    'Arabic',
    'Hebrew',
    'Devanagari',
    'Bengali',
  ],
  ...['Tamil', 'Thai', 'Georgian', 'Armenian', 'Ethiopic'],
].map((name) => ({ name, pattern: new RegExp(`\\p{Script=${name}}`, 'u') }));

/** The script of a text: the first one in it that is not Latin, else `Latin`, with or without other letters than ASCII's. */
export function scriptOf(text: string): string {
  const found = SCRIPTS.find(({ pattern }) => pattern.test(text));
  if (found) return found.name;
  if (/[^\p{ASCII}\s\p{P}]/u.test(text)) return 'Latin beyond ASCII, or signs';
  return 'Latin';
}

/**
 * What those that were left out for their answer tokens have in common, in one line; undefined when there are none. Tokens that were
 * decoded one by one lose characters that are split between them, so that scripts other than Latin are lost more often.
 */
export function describeLost(skipped: readonly Skip[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { script } of skipped)
    if (script !== undefined) counts.set(script, (counts.get(script) ?? 0) + 1);
  if (counts.size === 0) return undefined;
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  const list = sorted.map(([script, count]) => `${count} ${script}`).join(', ');
  return `${total} responses left out as their answer tokens do not spell an answer (by script: ${list}): those that are left are a selection`;
}
