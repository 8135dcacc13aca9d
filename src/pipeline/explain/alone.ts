import type { PromptKind } from '../../engine/text/prompt.js';
import type { Engine } from '../../engine/types.js';
import { counterfactual } from '../../intervene/builtin/counterfactual.js';
import type { Benchmark } from '../../intervene/types.js';
import { builtinQuestions } from '../../questions/builtin.js';
import type { Card, Explain } from '../../report/explain/schema.js';
import { mcNemar } from '../../stats/mcnemar.js';
import { pairedDifference } from '../../stats/paired-difference.js';
import { wilsonInterval } from '../../stats/wilson.js';
import { type AnswerStore, type Condition, PLAIN } from '../intervene/answers.js';
import { knownFacts } from '../intervene/known.js';
import { QUESTION_SHOTS } from '../intervene/prepare.js';
import { questionnaireOf } from '../intervene/questionnaire.js';
import { readByRule } from '../intervene/reading.js';

export interface AloneOptions {
  engine: Engine;
  /** Answers that are there are not asked for again. */
  store: AnswerStore;
  /** Flat indices. */
  neurons: number[];
  /** Ids of questions that the detector was trained on. */
  trained: ReadonlySet<string>;
  promptKind: PromptKind;
  /** Items wanted; fewer where the model knows fewer facts. */
  count: number;
  seed: number;
  onFacts: (found: number, wanted: number) => void;
  onAnswer: (done: number, total: number) => void;
}

/**
 * Compliance on counterfactual-context items with each neuron alone at alpha 0, item by item beside the model as it is. The facts
 * are ones that the model knows and the detector was not trained on.
 * @throws UserError when the model knows too few facts.
 */
export async function measureAlone(options: AloneOptions): Promise<{
  benchmark: NonNullable<Explain['benchmark']>;
  alone: NonNullable<Card['alone']>[];
}> {
  const facts = await knownFacts({
    ...options,
    questions: builtinQuestions(),
    onProgress: (found) => options.onFacts(found, options.count),
  });
  const conditions = [PLAIN, ...options.neurons.map(off)];
  const [plain, ...others] = await askAll(options, counterfactual(facts, QUESTION_SHOTS), conditions);
  const share = (answers: boolean[]) => wilsonInterval(answers.filter(Boolean).length, answers.length);
  return {
    benchmark: { name: 'counterfactual context', items: plain.length, complies: share(plain) },
    alone: others.map((without) => ({
      items: without.length,
      complies: share(without),
      change: pairedDifference(plain, without),
      ...mcNemar(plain, without),
    })),
  };
}

const off = (neuron: number): Condition => ({
  set: { name: `neuron-${neuron}`, kind: 'h-neurons', neurons: Uint32Array.of(neuron), cett: 0 },
  alpha: 0,
});

/** Whether the model complies, for each condition and each item that is no twin. */
async function askAll(
  { engine, store, promptKind, onAnswer }: AloneOptions,
  benchmark: Benchmark,
  conditions: Condition[],
): Promise<boolean[][]> {
  const items = benchmark.items.filter(({ twin }) => !twin);
  const questionnaire = await questionnaireOf(engine, { ...benchmark, items }, promptKind);
  let done = conditions.reduce((sum, condition) => sum + store.known(questionnaire, condition), 0);
  const total = conditions.length * items.length;
  onAnswer(done, total);
  const { reader } = benchmark;
  if (reader.kind !== 'rule') throw new Error('a benchmark that is read by rule is needed');
  const complies: boolean[][] = [];
  for (const condition of conditions) {
    const answers = await store.ask(engine, questionnaire, condition, () => onAnswer(++done, total));
    complies.push(items.map((item, i) => readByRule(reader, item, answers[i].text) === 'complies'));
  }
  return complies;
}
