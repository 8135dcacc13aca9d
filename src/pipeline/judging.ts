import { words } from '../judge/normalise.js';
import { createJudge, type Verdict } from '../judge/rule.js';
import type { Judge, SpanExtractor } from '../judge/types.js';
import { type ClassLimits, decidedClass } from './classify.js';
import type { Outcome } from './quota.js';
import type { ResponseSample } from './responses.js';
import type { AskedSample } from './sampler.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';

/** A question whose samples are judged, with what came of it. */
export interface Judged {
  samples: ResponseSample[];
  outcome: Outcome;
}

/** How the samples of a run are judged. */
export interface Judging {
  judge: Judge;
  spans: SpanExtractor;
}

/**
 * The judge of one question that answers at once, where there is one: lets sampling stop the question early. About what
 * does not exist a rule decides, whoever judges the rest: there is no accepted answer to compare with.
 */
export function immediateJudge(
  { judge }: Judging,
  { question, aliases, kind }: SplitQuestion,
): ((response: string) => Verdict) | undefined {
  return kind === 'fabricated' ? fabricatedJudge() : judge.immediate?.({ question, aliases });
}

/** About something that does not exist: to say that one does not know it is right, and any specific answer is wrong. */
function fabricatedJudge(): (response: string) => Verdict {
  const judge = createJudge([]);
  return (response) => {
    if (judge(response) === 'wrong') return 'wrong';
    return words(response).length === 0 ? 'uncertain' : 'correct';
  };
}

/** Judges the samples of a question. Equal texts are judged once. */
export async function judgeSamples(
  { judge }: Judging,
  { question, aliases }: SplitQuestion,
  samples: AskedSample[],
): Promise<ResponseSample[]> {
  const texts = [...new Set(samples.map((sample) => sample.text))];
  const judgements = await judge.judge(texts.map((response) => ({ question, aliases, response })));
  const byText = new Map(texts.map((text, i) => [text, judgements[i]]));
  return samples.map((sample) => ({ ...sample, ...byText.get(sample.text)! }));
}

/**
 * What comes of a question whose samples are judged. A class needs an answer to point at: without one there is nothing to
 * read, and the question is uncertain. Gives a promise only where the span extractor takes its time.
 */
export function outcomeOf(
  { spans }: Judging,
  { question }: SplitQuestion,
  samples: ResponseSample[],
  limits: ClassLimits,
): Outcome | Promise<Outcome> {
  const verdicts = samples.map((sample) => sample.verdict);
  const judged = verdicts.filter((verdict) => verdict !== 'failed');
  if (judged.length < verdicts.length) return 'failed';
  const outcome = decidedClass(judged, limits) ?? 'full';
  if (outcome !== 'faithful' && outcome !== 'hallucinated') return outcome;
  const used = mostFrequent(samples, outcome);
  if (!used) return 'uncertain';
  // The letter of an option is its own answer.
  if (used.choice) return outcome;
  if (spans.immediate) return spans.immediate(used.text) ? outcome : 'uncertain';
  return spans.spans([{ question, response: used.text }]).then(([span]) => (span ? outcome : 'uncertain'));
}

/** How many questions may wait for a judge that takes its time, before sampling waits for it. */
const MOST_WAITING = 64;

/** Work on finished questions that goes on beside the sampling. */
export interface Backlog {
  add(work: () => Promise<void>): void;
  /** Resolves when there is room for more. Rejects as soon as some work has failed. */
  ready(): Promise<void>;
  /** Resolves when all is done. Rejects as soon as some work has failed. */
  drain(): Promise<void>;
}

export function openBacklog(most = MOST_WAITING): Backlog {
  const waiting = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  const until = async (count: number) => {
    while (!failure && waiting.size > count) await Promise.race(waiting);
    if (failure) throw failure.error;
  };
  return {
    add(work) {
      const task = work()
        .catch((error) => {
          failure ??= { error };
        })
        .finally(() => waiting.delete(task));
      waiting.add(task);
    },
    ready: () => until(most - 1),
    drain: () => until(0),
  };
}
