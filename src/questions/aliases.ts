import { contains, type Spelling, spelling } from '../judge/contains.js';
import { withoutArticles, words } from '../judge/normalise.js';

/** Something that is an answer, with its usual name and others. */
export interface Entity {
  id: string;
  name: string;
  others: string[];
}

// The names of a country are looked for in each of its questions.
const forms = new Map<string, Spelling>();

function form(text: string): Spelling {
  let found = forms.get(text);
  if (found === undefined) {
    found = spelling(withoutArticles(words(text)));
    forms.set(text, found);
  }
  return found;
}

/** Whether a text holds an alias as whole words, as the judge sees it. */
export function mentions(text: string, alias: string): boolean {
  return contains(form(text), form(alias));
}

/**
 * The names of each entity that cannot be mistaken for another one's: one that is contained in the usual name of another entity
 * ("Guinea" in "Equatorial Guinea") goes, and so does a less usual one contained in any name of another ("Republic of
 * Korea" in "Democratic People's Republic of Korea"). An entity whose usual name goes has no aliases at all.
 */
export function safeAliases(entities: Entity[]): Map<string, string[]> {
  const list = entities.map((entity) => ({
    entity,
    name: form(entity.name),
    all: [entity.name, ...entity.others].map((text) => ({ text, form: form(text) })),
  }));
  return new Map(
    list.map(({ entity, all }) => {
      const safe = all.filter(({ text, form: part }) =>
        list.every(
          (other) =>
            other.entity.id === entity.id ||
            !(
              contains(other.name, part) ||
              (text !== entity.name && other.all.some((name) => contains(name.form, part)))
            ),
        ),
      );
      const kept = safe.some(({ text }) => text === entity.name) ? safe.map(({ text }) => text) : [];
      return [entity.id, distinct(kept)];
    }),
  );
}

/** The texts that differ for the judge, in order. */
export function distinct(texts: string[]): string[] {
  const seen = new Map<string, string>();
  for (const text of texts) {
    const key = form(text).letters;
    if (key !== '' && !seen.has(key)) seen.set(key, text);
  }
  return [...seen.values()];
}
