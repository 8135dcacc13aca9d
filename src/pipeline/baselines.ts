import type { BaselineScores } from '../stats/evaluate.js';
import { auroc } from '../stats/metrics.js';
import type { Case } from './cases.js';

interface Baseline {
  name: string;
  description: string;
  /** Null where it is not known, as the log-probability of an imported response. */
  value(one: Case): number | null;
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

/**
 * Scores of the naive baselines on the test cases. Which end means "hallucinated" is learned from the training cases. A baseline whose
 * value is not known for every case is left out.
 */
export function baselineScores(train: Case[], test: Case[]): BaselineScores[] {
  const labels = Uint8Array.from(train, (one) => (one.class === 'hallucinated' ? 1 : 0));
  return BASELINES.flatMap(({ name, description, value }) => {
    const known = train.map(value).filter((one) => one !== null);
    const scores = test.map(value).filter((one) => one !== null);
    if (known.length < train.length || scores.length < test.length) return [];
    const sign = auroc(known, labels) < 0.5 ? -1 : 1;
    return [{ name, description, scores: scores.map((score) => sign * score) }];
  });
}
