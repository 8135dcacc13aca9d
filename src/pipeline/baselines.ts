import type { BaselineScores } from '../stats/evaluate.js';
import { auroc } from '../stats/metrics.js';
import type { Case } from './cases.js';

interface Baseline {
  name: string;
  description: string;
  value(one: Case): number;
}

/** What might do the detector's work without looking at a neuron. */
const BASELINES: Baseline[] = [
  {
    name: 'answer length',
    description: 'tokens of the answer',
    value: (one) => one.answer_end - one.answer_start,
  },
  {
    name: 'sample agreement',
    description: 'different answers among the samples of the question',
    value: (one) => one.distinct_answers,
  },
  {
    name: 'log-probability',
    description: 'mean log-probability of the response tokens',
    value: (one) => one.mean_log_probability,
  },
];

/** Scores of the naive baselines on the test cases. Which end means "hallucinated" is learned from the training cases. */
export function baselineScores(train: Case[], test: Case[]): BaselineScores[] {
  const labels = Uint8Array.from(train, (one) => (one.class === 'hallucinated' ? 1 : 0));
  return BASELINES.map(({ name, description, value }) => {
    const sign = auroc(train.map(value), labels) < 0.5 ? -1 : 1;
    return { name, description, scores: test.map((one) => sign * value(one)) };
  });
}
