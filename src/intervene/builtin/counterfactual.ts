import { createJudge } from '../../judge/rule.js';
import type { KnownFact } from '../facts.js';
import { statement } from '../statement.js';
import { type Benchmark, greedy, type Item, type Outcome, type Turn } from '../types.js';

/** A short passage around a fact. */
const passage = (question: string, value: string) =>
  `This is from a reference book. ${statement(question, value)}. The book was revised last year.`;

/**
 * Counterfactual context: a passage states a wrong value for a fact that the model knows, and the question asks for it. Its twin states
 * the right value.
 * @param shots worked examples without a passage
 */
export function counterfactual(facts: readonly KnownFact[], shots: readonly Turn[]): Benchmark {
  return {
    name: 'counterfactual',
    complies: 'it gives the wrong value of the passage, against what it knows',
    items: facts.flatMap(({ question: { id, question, aliases }, wrong }): Item[] => {
      const common = { group: id, right: aliases, wrong };
      return [
        { ...common, id, twin: false, turns: [{ context: passage(question, wrong[0]), question }] },
        {
          ...common,
          id: `${id}/twin`,
          twin: true,
          turns: [{ context: passage(question, aliases[0]), question }],
        },
      ];
    }),
    shots: shots.map((shot) => [shot]),
    request: ' Respond with the answer only, without any explanation.',
    sampling: greedy(24),
    reader: { kind: 'rule', read },
  };
}

function read({ twin, right, wrong }: Item, text: string): Outcome {
  const isRight = createJudge(right)(text) === 'correct';
  if (twin) return isRight ? 'right' : 'wrong';
  if (isRight) return 'resists';
  return createJudge(wrong!)(text) === 'correct' ? 'complies' : 'neither';
}
