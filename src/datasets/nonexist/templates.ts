/** The kinds of question about made-up things and, in the mirror, about famous ones of the same kind. `*` stands for the thing. */
export const TEMPLATES = {
  'city-country': 'In which country is the city of *?',
  'river-of-city': 'Which river flows through the city of *?',
  'mountain-country': 'In which country is Mount *?',
  'island-country': 'Which country does the island of * belong to?',
  'scientist-country': 'In which country was the scientist * born?',
  invention: 'What did the inventor * invent?',
  'novel-author': 'Who wrote the novel "*"?',
  'painting-painter': 'Who painted "*"?',
  'opera-composer': 'Who composed the opera "*"?',
  'company-country': 'In which country does the company * have its headquarters?',
  'drug-use': 'What is the drug * used to treat?',
  'species-name': 'What is the common name of the species *?',
  'battle-year': 'In which year was the Battle of * fought?',
  'ore-metal': 'Which metal is extracted from the ore *?',
  'compound-formula': 'What is the chemical formula of *?',
  'language-country': 'In which country is the * language mainly spoken?',
  'deity-people': 'In the mythology of which people is * a god or goddess?',
  'dish-country': 'Which country does the dish * come from?',
} as const;

export type Kind = keyof typeof TEMPLATES;

export const KINDS = Object.keys(TEMPLATES) as Kind[];

export function ask(kind: Kind, thing: string): string {
  return TEMPLATES[kind].replace('*', () => thing);
}
