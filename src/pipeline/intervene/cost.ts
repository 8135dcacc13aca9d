import type { Engine } from '../../engine/types.js';
import { OPENINGS, PASSAGES } from '../../intervene/fixed-text.js';
import { distinctTrigrams, isDegenerate } from '../../intervene/readability.js';
import { greedy } from '../../intervene/types.js';
import type { CostPoint } from '../../report/intervention/schema.js';
import type { Interval } from '../../stats/interval.js';
import { derive } from '../../stats/random.js';
import { bootstrapMean } from '../../stats/slope.js';
import { wilsonInterval } from '../../stats/wilson.js';
import type { Condition, InterventionAnswer, Questionnaire } from './answers.js';
import type { Reading } from './curves.js';

/** Tokens of a continuation: enough to fall into a loop. */
const PROSE_TOKENS = 40;

/** What an intervention does to a model apart from compliance. */
export interface Cost {
  /** Log-likelihood of each passage, mean over its tokens. */
  passages: Float64Array;
  prose: InterventionAnswer[];
}

/** Fixed beginnings that the model goes on with, whatever its prompt style. */
export async function proseQuestionnaire(engine: Engine): Promise<Questionnaire> {
  const prompts = await engine.tokenize([...OPENINGS], { special: false, bos: true });
  return {
    benchmark: 'prose',
    sampling: greedy(PROSE_TOKENS),
    stop: [],
    items: OPENINGS.map((text, i) => ({ id: String(i + 1), text, prompt: prompts[i] })),
  };
}

/**
 * Mean log-likelihood of a token of each fixed passage under a condition; the first token is not counted.
 * @param count how many of the passages
 */
export async function passageLikelihood(
  engine: Engine,
  { set, alpha }: Condition,
  count = PASSAGES.length,
): Promise<Float64Array> {
  const passages = await engine.tokenize(PASSAGES.slice(0, count), { special: false, bos: true });
  const values = await engine.logProbabilities(
    passages.map((tokens) => ({
      tokens,
      asked: Array.from({ length: tokens.length - 1 }, (_, at) => ({ at, tokens: [tokens[at + 1]] })),
    })),
    set ? { neurons: set.neurons, alpha } : undefined,
  );
  return Float64Array.from(values, (list) => list.reduce((sum, value) => sum + value, 0) / list.length);
}

/** Differences of the passages' likelihood with an interval over passages. */
export function likelihoodChange(before: Cost, after: Cost, seed: number, ...names: string[]): Interval {
  return overTexts(
    after.passages.map((value, i) => value - before.passages[i]),
    seed,
    'likelihood change',
    ...names,
  );
}

/** Change of the share of distinct runs of words. */
export function distinctChange(before: Cost, after: Cost, seed: number, ...names: string[]): Interval {
  return overTexts(
    after.prose.map(({ text }, i) => distinctTrigrams(text) - distinctTrigrams(before.prose[i].text)),
    seed,
    'distinct change',
    ...names,
  );
}

export const degenerateProse = ({ prose }: Cost): boolean[] => prose.map(({ text }) => isDegenerate(text));

/** A point of the cost curves. */
export function costPoint(
  alpha: number,
  cost: Cost,
  scores: { name: string; reading: Reading }[],
  seed: number,
): CostPoint {
  const degenerate = degenerateProse(cost);
  return {
    alpha,
    score: Object.fromEntries(
      scores.map(({ name, reading: { outcomes } }) => [
        name,
        wilsonInterval(outcomes.filter((outcome) => outcome === 'right').length, outcomes.length),
      ]),
    ),
    logLikelihood: overTexts(cost.passages, seed, 'likelihood'),
    degenerate: wilsonInterval(degenerate.filter((one) => one).length, degenerate.length),
    distinct: overTexts(
      cost.prose.map(({ text }) => distinctTrigrams(text)),
      seed,
      'distinct',
    ),
    meanTokens: cost.prose.reduce((sum, { tokens }) => sum + tokens, 0) / cost.prose.length,
  };
}

function overTexts(values: ArrayLike<number>, seed: number, ...names: string[]): Interval {
  return bootstrapMean(
    values,
    Array.from(values, (_, i) => i),
    derive(seed, 'cost', ...names),
  );
}
