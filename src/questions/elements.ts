import { elementData } from './packages.js';
import type { Relation } from './types.js';

/** Spellings besides the one in the package. */
const OTHER_NAMES: Record<string, string[]> = {
  Al: ['Aluminium', 'Aluminum'],
  Cs: ['Caesium', 'Cesium'],
  S: ['Sulfur', 'Sulphur'],
  W: ['Tungsten', 'Wolfram'],
};

/** Symbols that are words of an English sentence, in which they would be found by chance. */
const WORDS = new Set(['As', 'At', 'Be', 'He', 'I', 'In', 'No', 'Am', 'Es']);

/** Symbols and atomic numbers of the chemical elements, asked from both sides. */
export function elementRelations(): Relation[] {
  const { source, rows } = elementData();
  const names = (symbol: string, name: string) => [name, ...(OTHER_NAMES[symbol] ?? [])];
  return [
    {
      name: 'element-symbol',
      source,
      drafts: rows
        .filter(({ symbol }) => !WORDS.has(symbol))
        .map(({ symbol, name }) => ({
          key: symbol,
          question: `What is the chemical symbol of the element ${name.toLowerCase()}?`,
          aliases: [symbol],
        })),
    },
    {
      name: 'element-of-symbol',
      source,
      drafts: rows.map(({ symbol, name }) => ({
        key: symbol,
        question: `Which chemical element has the symbol ${symbol}?`,
        aliases: names(symbol, name),
      })),
    },
    {
      name: 'atomic-number',
      source,
      drafts: rows.map(({ symbol, name, number }) => ({
        key: symbol,
        question: `What is the atomic number of ${name.toLowerCase()}?`,
        aliases: [String(number)],
      })),
    },
    {
      name: 'element-of-number',
      source,
      drafts: rows.map(({ symbol, name, number }) => ({
        key: symbol,
        question: `Which chemical element has the atomic number ${number}?`,
        aliases: names(symbol, name),
      })),
    },
  ];
}
