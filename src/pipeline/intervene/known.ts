import { type PromptKind, promptStyle } from '../../engine/text/prompt.js';
import { finalAnswer } from '../../engine/text/thought.js';
import type { Engine } from '../../engine/types.js';
import { UserError } from '../../errors.js';
import { candidateFacts, type KnownFact, relationLimit, wrongValue } from '../../intervene/facts.js';
import { greedy } from '../../intervene/types.js';
import { createJudge } from '../../judge/rule.js';
import { FEW_SHOT } from '../../questions/few-shot.js';
import type { Question } from '../../questions/types.js';
import { fittingPrompts } from '../fitting-prompts.js';
import { groupQuestions } from '../groups.js';
import { type AnswerStore, PLAIN } from './answers.js';

const MAX_TOKENS = 24;
/** With fewer, nothing can be said. */
const FEWEST = 5;
/** So many times as many questions as are wanted are asked at most. */
const MOST_ASKED = 40;

interface Asking {
  engine: Engine;
  store: AnswerStore;
  questions: Question[];
  /** Ids of questions that the detector was trained on: they are not asked. */
  trained: ReadonlySet<string>;
  promptKind: PromptKind;
  count: number;
  seed: number;
  onProgress(found: number): void;
}

/**
 * Open questions in the order in which they are tried, without those that the detector was trained on. Of a fact and its inverse only one is
 * there, and none whose inverse was trained on: so each stands for itself.
 */
export function separateFacts({
  questions,
  trained,
  seed,
}: Pick<Asking, 'questions' | 'trained' | 'seed'>): Question[] {
  const open = questions.filter(({ kind }) => kind === undefined);
  const groups = groupQuestions(open);
  const groupOf = new Map(open.map((question, i) => [question, groups[i]]));
  const seen = new Set(open.flatMap(({ id }, i) => (trained.has(id) ? [groups[i]] : [])));
  return candidateFacts(open, trained, seed).filter((question) => {
    const group = groupOf.get(question)!;
    if (seen.has(group)) return false;
    seen.add(group);
    return true;
  });
}

/** A question with the right answer that the unchanged model gives. */
export type Answered = Omit<KnownFact, 'wrong'>;

/** Facts that the model knows ({@link rightlyAnswered}), with a wrong value for each. */
export async function knownFacts(asking: Asking): Promise<KnownFact[]> {
  const relations = new Map<string, Question[]>();
  for (const question of asking.questions) {
    const list = relations.get(question.relation) ?? [];
    list.push(question);
    relations.set(question.relation, list);
  }
  const wrong = new Map<string, string[]>();
  const known = await rightlyAnswered(asking, (question) => {
    const value = wrongValue(question, relations.get(question.relation)!, asking.seed);
    if (value) wrong.set(question.id, value);
    return value !== undefined;
  });
  return known.map((one) => ({ ...one, wrong: wrong.get(one.question.id)! }));
}

/**
 * Open questions that the unchanged model answers rightly, greedily, in the detector's prompt style. They are tried in a seeded order
 * until there are `count`, at most an eighth of them of one relation where there are eight or more.
 * @param usable whether a question that was answered rightly will do
 * @throws UserError when the model knows too few
 */
export async function rightlyAnswered(
  options: Asking,
  usable: (question: Question) => boolean = () => true,
): Promise<Answered[]> {
  const { engine, store, count } = options;
  const style = promptStyle(engine.model, options.promptKind, FEW_SHOT);
  const candidates = separateFacts(options).slice(0, count * MOST_ASKED);
  const limit = relationLimit(count, new Set(candidates.map(({ relation }) => relation)).size);
  const taken = new Map<string, number>();
  const found: Answered[] = [];
  for (let at = 0; at < candidates.length && found.length < count; at += count) {
    const next = candidates
      .slice(at, at + count)
      .filter(({ relation }) => (taken.get(relation) ?? 0) < limit);
    const texts = await Promise.all(next.map(({ question }) => style.text(question)));
    const prompts = await fittingPrompts(engine, texts, style, MAX_TOKENS);
    const batch = next.flatMap((question, i) => {
      const { tokens } = prompts[i];
      return tokens ? [{ question, text: texts[i], prompt: tokens }] : [];
    });
    const answers = await store.ask(
      engine,
      {
        benchmark: 'known',
        sampling: greedy(MAX_TOKENS),
        stop: style.stop,
        items: batch.map(({ question: { id }, text, prompt }) => ({ id, text, prompt })),
      },
      PLAIN,
    );
    for (const [i, { question }] of batch.entries()) {
      const text = finalAnswer(answers[i].text) ?? '';
      const before = taken.get(question.relation) ?? 0;
      if (found.length >= count || before >= limit) continue;
      if (createJudge(question.aliases)(text) !== 'correct' || !usable(question)) continue;
      taken.set(question.relation, before + 1);
      found.push({ question, answer: text.trim() });
    }
    options.onProgress(found.length);
  }
  if (found.length < FEWEST) {
    throw new UserError(
      `${engine.model.name || 'the model'} answers only ${found.length} of ${candidates.length} questions rightly: too few to see whether it complies`,
    );
  }
  return found;
}
