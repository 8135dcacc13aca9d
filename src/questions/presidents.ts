import { presidentData } from './packages.js';
import type { Relation } from './types.js';

const OTHER_NAMES: Record<string, string[]> = {
  'George Bush': ['George H. W. Bush', 'George H.W. Bush'],
  'Franklin D. Roosevelt': ['FDR', 'Franklin Delano Roosevelt'],
  'John F. Kennedy': ['JFK'],
  'Lyndon B. Johnson': ['LBJ', 'Lyndon Baines Johnson'],
  'Theodore Roosevelt': ['Teddy Roosevelt'],
};

/** Order and years of the presidents of the United States. */
export function presidentRelations(): Relation[] {
  const { source, rows } = presidentData();
  const lastName = (name: string) => name.slice(name.lastIndexOf(' ') + 1);
  const withoutInitial = (name: string) => name.replace(/ [A-Z]\. /, ' ');
  const isOnly = (name: string) =>
    new Set(rows.map((row) => row.name).filter((other) => lastName(other) === lastName(name))).size === 1;
  return [
    {
      name: 'president-of-number',
      source,
      drafts: rows.map(({ order, name }) => ({
        key: String(order),
        question: `Who was president number ${order} of the United States?`,
        aliases: [
          name,
          ...(isOnly(name) ? [lastName(name)] : []),
          ...(OTHER_NAMES[name] ?? []),
          ...[withoutInitial(name)].filter((short) => rows.every((row) => row.name !== short)),
        ],
      })),
    },
    {
      name: 'president-year',
      source,
      drafts: rows.map(({ order, name }) => ({
        key: String(order),
        question: `In which year did ${name} become President of the United States?`,
        aliases: rows.filter((row) => row.name === name).map((row) => String(row.term.startYear)),
      })),
    },
  ];
}
