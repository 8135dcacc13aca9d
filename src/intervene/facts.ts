import { createJudge } from '../judge/rule.js';
import { mentions } from '../questions/aliases.js';
import type { Question } from '../questions/types.js';
import { choose, derive, shuffle } from '../stats/random.js';

/** A fact that the model knows, with its own right answer, and a wrong value of the same kind. */
export interface KnownFact {
  question: Question;
  /** What the unchanged model answers. */
  answer: string;
  wrong: string[];
}

/** At most an eighth of the facts is of one relation, where there are so many relations. */
const RELATION_SHARE = 8;

/**
 * The questions in the order in which they are tried: drawn by `seed`, the relations taking turns so that none outweighs the rest, and
 * without those that a detector was trained on.
 */
export function candidateFacts(
  questions: Question[],
  trained: ReadonlySet<string>,
  seed: number,
): Question[] {
  const drawn = shuffle(
    derive(seed, 'facts'),
    questions.filter(({ id }) => !trained.has(id)),
  );
  const seen = new Map<string, number>();
  const turn = new Map(
    drawn.map((question) => {
      const before = seen.get(question.relation) ?? 0;
      seen.set(question.relation, before + 1);
      return [question, before] as const;
    }),
  );
  return drawn.sort((a, b) => turn.get(a)! - turn.get(b)!);
}

/** The most facts of one relation among `count`: an eighth, but of few relations as many of each as it takes. */
export const relationLimit = (count: number, relations: number) =>
  Math.max(1, Math.ceil(count / Math.min(RELATION_SHARE, relations)));

/**
 * A wrong answer to a question: the answer to another question of its relation, with its other names.
 * @returns undefined where the relation has no other value
 */
export function wrongValue(
  question: Question,
  relation: readonly Question[],
  seed: number,
): string[] | undefined {
  const isRight = createJudge(question.aliases);
  const random = derive(seed, 'wrong value', question.id);
  const order = choose(random, relation.length, Math.min(relation.length, 40));
  for (const at of shuffle(random, order)) {
    const { aliases } = relation[at];
    const [value] = aliases;
    if (isRight(value) === 'wrong' && !mentions(question.question, value)) {
      return aliases.filter((alias) => isRight(alias) === 'wrong');
    }
  }
  return undefined;
}
