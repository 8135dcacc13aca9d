import { distinct, mentions } from './aliases.js';
import { cityRelations } from './cities.js';
import { countryAliases, countryRelations } from './countries.js';
import { elementRelations } from './elements.js';
import { FEW_SHOT } from './few-shot.js';
import { languageRelations } from './language-facts.js';
import { presidentRelations } from './presidents.js';
import type { Question, Relation } from './types.js';

/**
 * The built-in questions: facts from data packages of fixed versions, so the same program gives the same set in the same
 * order with the same ids. Left out: facts without a usable answer, questions that hold their own answer, those asked before,
 * and what the few-shot examples give away.
 */
export function builtinQuestions(): Question[] {
  const countries = countryAliases();
  const asked = new Set(FEW_SHOT.map(({ question }) => question));
  return [
    ...countryRelations(countries),
    ...cityRelations(countries),
    ...elementRelations(),
    ...languageRelations(),
    ...presidentRelations(),
  ].flatMap((relation) =>
    toQuestions(relation).filter(
      ({ question }) =>
        !asked.has(question) &&
        asked.add(question) &&
        !FEW_SHOT.some(({ answer }) => mentions(question, answer)),
    ),
  );
}

function toQuestions({ name, source, drafts, choices }: Relation): Question[] {
  return drafts.flatMap(({ key, question, aliases: given }) => {
    const aliases = distinct(given.flatMap(withSaint));
    if (aliases.length === 0 || aliases.some((alias) => mentions(question, alias))) return [];
    return [{ id: `${name}/${key}`, question, aliases, relation: name, source, ...(choices && { choices }) }];
  });
}

/** A name with "Saint" both in full and short. */
function withSaint(name: string): string[] {
  return [name, name.replace(/^Saint /, 'St. '), name.replace(/^St\. /, 'Saint ')];
}
