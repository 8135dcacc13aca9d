import { normalise } from '../judge/normalise.js';
import { answerSpan } from '../judge/span.js';
import { fitPlatt } from '../stats/calibration.js';
import type { BaselineScores } from '../stats/evaluate.js';
import type { Case } from './cases.js';
import { decisionValues } from './decision.js';

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

/**
 * Decision values of the naive baselines for the test cases. Which end means "hallucinated", and where the border lies, is learned
 * from the training cases.
 *
 * @param entropies of the answers of each question ({@link answerEntropy}), by id; the baseline is left out where there are none
 */
export function baselineScores(
  train: Case[],
  test: Case[],
  entropies?: ReadonlyMap<string, number>,
): BaselineScores[] {
  const labels = labelsOf(train);
  const all = entropies
    ? [
        ...BASELINES,
        {
          name: 'answer entropy',
          description: 'entropy of the normalised answers among the samples of the question',
          value: (one: Case) => entropies.get(one.id) ?? 0,
        },
      ]
    : BASELINES;
  return all.map(({ name, description, value }) => {
    const platt = fitPlatt(train.map(value), labels);
    return {
      name,
      description,
      kind: 'output' as const,
      scores: decisionValues(platt, Float64Array.from(test, value)),
    };
  });
}

/** 1 for each hallucinated case. */
export function labelsOf(cases: Pick<Case, 'class'>[]): Uint8Array {
  return Uint8Array.from(cases, (one) => (one.class === 'hallucinated' ? 1 : 0));
}

/** Entropy in nats of the answers of one question, which are the same when they are after normalisation. 0 for no answer. */
export function answerEntropy(texts: string[]): number {
  const counts = new Map<string, number>();
  for (const text of texts) {
    const span = answerSpan(text);
    const answer = normalise(span ? text.slice(span.start, span.end) : text);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return [...counts.values()].reduce(
    (sum, count) => sum - (count / texts.length) * Math.log(count / texts.length),
    0,
  );
}
