import { normalise, words } from '../../judge/normalise.js';
import { mentions } from '../../questions/aliases.js';
import { FEW_SHOT } from '../../questions/few-shot.js';
import type { Question } from '../../questions/types.js';
import { derive } from '../../stats/random.js';
import { FAMOUS } from './famous.js';
import { knownWords } from './known-names.js';
import { type Coined, coin } from './morphology.js';
import { ask, KINDS, type Kind } from './templates.js';

/** Questions of each kind: 1,080 in all. */
const EACH = 60;
/** A shorter word is too likely to mean something somewhere; a longer one does not look real. */
const SHORTEST = 7;
const LONGEST = 12;

/**
 * Questions about things that do not exist: names coined by `seed`, each used once. No coined word is a word of a name that
 * the built-in sets know (see {@link knownWords}).
 *
 * @param each questions of each kind
 */
export function nonexistQuestions(seed: number, each = EACH): Question[] {
  const known = knownWords();
  return KINDS.flatMap((kind) => {
    const random = derive(seed, 'nonexist', kind);
    return Array.from({ length: each }, (): Question => {
      let thing: Coined;
      do thing = coin(kind, random);
      while (!isNew(thing, known));
      for (const word of thing.words) known.add(normalise(word));
      const id = `nonexist/${kind}/${slug(thing.name)}`;
      return { id, question: ask(kind, thing.name), aliases: [], relation: kind, kind: 'fabricated' };
    });
  });
}

function isNew(thing: Coined, known: ReadonlySet<string>): boolean {
  return thing.words.every(
    (word) => word.length >= SHORTEST && word.length <= LONGEST && !known.has(normalise(word)),
  );
}

/**
 * The same questions about famous things, with their answers: what a model can know, beside what it cannot. Left out: what
 * the few-shot examples ask or give away.
 */
export function mirrorQuestions(): Question[] {
  const asked = new Set(FEW_SHOT.map(({ question }) => question));
  return KINDS.flatMap((kind: Kind) =>
    Object.entries(FAMOUS[kind]).flatMap(([thing, aliases]): Question[] => {
      const question = ask(kind, thing);
      if (asked.has(question) || FEW_SHOT.some(({ answer }) => mentions(question, answer))) return [];
      return [{ id: `mirror/${kind}/${slug(thing)}`, question, aliases, relation: kind }];
    }),
  );
}

function slug(name: string): string {
  return words(name).join('-');
}
