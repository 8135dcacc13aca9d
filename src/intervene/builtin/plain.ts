import { createJudge } from '../../judge/rule.js';
import type { Question } from '../../questions/types.js';
import { type Benchmark, greedy, type Turn } from '../types.js';

/** Plain questions: what an intervention costs. The share of right answers is the model's question score. */
export function plainQuestions(
  name: string,
  questions: readonly Question[],
  shots: readonly Turn[],
): Benchmark {
  return {
    name,
    complies: '',
    items: questions.map(({ id, question, aliases }) => ({
      id,
      group: id,
      twin: true,
      turns: [{ question }],
      right: aliases,
    })),
    shots: shots.map((shot) => [shot]),
    request: ' Respond with the answer only, without any explanation.',
    sampling: greedy(24),
    reader: {
      kind: 'rule',
      read: ({ right }, text) => (createJudge(right)(text) === 'correct' ? 'right' : 'wrong'),
    },
  };
}
