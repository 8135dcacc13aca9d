import { createFabricatedJudge } from '../judge/fabricated.js';
import type { Verdict } from '../judge/rule.js';
import type { Span } from '../judge/span.js';
import type { Judge, SpanExtractor } from '../judge/types.js';
import { type ClassLimits, decidedClass } from './classify.js';
import type { Outcome } from './quota.js';
import type { ResponseSample } from './responses.js';
import type { AskedSample } from './sampler.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';

/** How the samples of a run are judged. */
export interface Judging {
  judge: Judge;
  spans: SpanExtractor;
  /** Phrases that make a response uncertain; default: the built-in ones. */
  markers?: readonly string[];
}

/**
 * The judge of one question that answers at once, where there is one: lets sampling stop the question early. About what
 * does not exist a rule decides, whoever judges the rest: there is no accepted answer to compare with.
 */
export function immediateJudge(
  { judge, markers }: Judging,
  { question, aliases, kind }: SplitQuestion,
): ((response: string) => Verdict) | undefined {
  if (kind === 'fabricated') return createFabricatedJudge(markers);
  return judge.immediate?.({ question, aliases });
}

/** Judges the samples of several questions, but for those that have a verdict. Equal texts of a question are judged once. */
export async function judgeSamples(
  { judge }: Judging,
  batch: { question: SplitQuestion; samples: AskedSample[] }[],
): Promise<ResponseSample[][]> {
  const items = batch.map(({ question: { question, aliases }, samples }) => {
    const open = samples.filter(({ verdict, unfinished }) => verdict === undefined && !unfinished);
    return [...new Set(open.map(({ text }) => text))].map((response) => ({ question, aliases, response }));
  });
  const judgements = await judge.judge(items.flat());
  let at = 0;
  return batch.map(({ samples }, i) => {
    const byText = new Map(items[i].map(({ response }) => [response, judgements[at++]]));
    return samples.map((sample) => {
      if (sample.verdict) return toResponse(sample, sample.verdict);
      if (sample.unfinished) return toResponse(sample, 'uncertain');
      const { verdict, ...source } = byText.get(sample.text)!;
      return { ...toResponse(sample, verdict), ...source };
    });
  });
}

/** A sample with its verdict, as it is kept. */
export function toResponse(
  { verdict: _, ...sample }: AskedSample,
  verdict: ResponseSample['verdict'],
): ResponseSample {
  const { index, text, tokens, logProbability, finish, ...rest } = sample;
  return { index, text, tokens, verdict, logProbability, finish, ...rest };
}

/**
 * What comes of questions whose samples are judged. A class needs an answer to point at: without one there is nothing to
 * read, and the question is uncertain.
 */
export async function outcomesOf(
  { spans }: Judging,
  batch: { question: SplitQuestion; samples: ResponseSample[]; limits: ClassLimits }[],
): Promise<Outcome[]> {
  const outcomes = batch.map(({ samples, limits }) => classOf(samples, limits));
  const items = outcomes.flatMap(({ used }, i) =>
    used && !used.choice ? [{ question: batch[i].question.question, response: used.text }] : [],
  );
  const found = items.length > 0 ? await spans.spans(items) : [];
  let at = 0;
  return outcomes.map(({ outcome, used }) => (used && !used.choice && !found[at++] ? 'uncertain' : outcome));
}

/** {@link outcomesOf} one question, with a span extractor that answers at once. */
export function outcomeOf(
  span: (response: string) => Span | undefined,
  samples: ResponseSample[],
  limits: ClassLimits,
): Outcome {
  const { outcome, used } = classOf(samples, limits);
  return used && !used.choice && !span(used.text) ? 'uncertain' : outcome;
}

/** The class, with the response that would be read; the letter of an option is its own answer. */
function classOf(
  samples: ResponseSample[],
  limits: ClassLimits,
): { outcome: Outcome; used?: ResponseSample } {
  const verdicts = samples.map((sample) => sample.verdict);
  const judged = verdicts.filter((verdict) => verdict !== 'failed');
  if (judged.length < verdicts.length) return { outcome: 'failed' };
  const outcome = decidedClass(judged, limits) ?? 'full';
  if (outcome !== 'faithful' && outcome !== 'hallucinated') return { outcome };
  const used = mostFrequent(samples, outcome);
  return used ? { outcome, used } : { outcome: 'uncertain' };
}

/** How many questions may wait for a judge that takes its time, before sampling waits for it. */
const MOST_WAITING = 64;
/** Calls to it at the same time; each takes what has come up in the meantime. */
const CALLS = 2;

/** Work on finished questions that goes on beside the sampling. */
export interface Backlog<T> {
  add(item: T): void;
  /** Resolves when there is room for more. Rejects as soon as some work has failed. */
  ready(): Promise<void>;
  /** Resolves when all is done. Rejects as soon as some work has failed. */
  drain(): Promise<void>;
}

export function openBacklog<T>(work: (batch: T[]) => Promise<void>): Backlog<T> {
  const queue: T[] = [];
  const running = new Set<Promise<void>>();
  let open = 0;
  let failure: { error: unknown } | undefined;
  const pump = (): void => {
    while (!failure && queue.length > 0 && running.size < CALLS) {
      const batch = queue.splice(0, MOST_WAITING / CALLS);
      const task = work(batch)
        .catch((error) => {
          failure ??= { error };
        })
        .finally(() => {
          running.delete(task);
          open -= batch.length;
          pump();
        });
      running.add(task);
    }
  };
  const until = async (count: number) => {
    while (!failure && open > count) await Promise.race(running);
    if (failure) throw failure.error;
  };
  return {
    add(item) {
      queue.push(item);
      open++;
      pump();
    },
    ready: () => until(MOST_WAITING - 1),
    drain: () => until(0),
  };
}
