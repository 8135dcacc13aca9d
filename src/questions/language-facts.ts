import { safeAliases } from './aliases.js';
import { languageData, pluralData } from './packages.js';
import type { Relation } from './types.js';

const OTHER_NAMES: Record<string, string[]> = {
  bn: ['Bangla'],
  fa: ['Farsi'],
  gd: ['Gaelic'],
  ht: ['Haitian Creole', 'Creole'],
  kl: ['Greenlandic'],
  km: ['Khmer', 'Cambodian'],
  my: ['Myanmar'],
  or: ['Odia'],
  pa: ['Punjabi'],
  se: ['Sami'],
  ss: ['Swazi'],
  zh: ['Mandarin'],
};

/** Names and codes of languages, and irregular English plurals. */
export function languageRelations(): Relation[] {
  const { source, rows } = languageData();
  const names = safeAliases(
    rows.map(({ code, name }) => ({ id: code, name, others: OTHER_NAMES[code] ?? [] })),
  );
  const plurals = pluralData();
  return [
    {
      name: 'language-of-native-name',
      source,
      drafts: rows.map(({ code, native }) => ({
        key: code,
        question: `Which language is called "${native}" by its speakers?`,
        aliases: names.get(code)!,
      })),
    },
    {
      name: 'language-of-code',
      source,
      drafts: rows.map(({ code }) => ({
        key: code,
        question: `Which language has the ISO 639 code "${code}"?`,
        aliases: names.get(code)!,
      })),
    },
    {
      name: 'plural',
      source: plurals.source,
      drafts: plurals.rows
        .filter(({ singular, plural }) => singular !== plural)
        .map(({ singular, plural }) => ({
          key: singular,
          question: `What is the plural of the word "${singular}"?`,
          aliases: [plural],
        })),
    },
  ];
}
