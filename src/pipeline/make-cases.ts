import type { Engine } from '../engine/types.js';
import { normalise } from '../judge/normalise.js';
import { answerSpan } from '../judge/span.js';
import type { SpanExtractor } from '../judge/types.js';
import type { Case } from './cases.js';
import type { Wanted } from './classify.js';
import { locateQuestions } from './question-span.js';
import { readAnswers } from './read-answers.js';
import type { Response } from './responses.js';
import type { Sampler } from './sampler.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';

/**
 * The cases of questions that have a class: the most frequent response with its answer tokens, and the tokens of the question.
 * A question of whose response there is nothing to read is left out.
 */
export async function makeCases(
  engine: Pick<Engine, 'pieces'>,
  sampler: Sampler,
  spans: SpanExtractor,
  items: { question: SplitQuestion; response: Response }[],
): Promise<Case[]> {
  const chosen = items.map(({ question, response }) => ({
    question,
    sample: mostFrequent(response.samples, response.class as Wanted)!,
  }));
  const read = await readAnswers(sampler, spans, chosen);
  const places = await locateQuestions(
    engine,
    items.map(({ question: { question } }, i) => ({
      question,
      prompt: read[i]?.token_ids.slice(0, read[i].response_start) ?? [],
    })),
  );
  return items.flatMap(({ question, response }, i): Case[] => {
    const answer = read[i];
    if (!answer) return [];
    return [
      {
        id: question.id,
        group: question.group,
        split: question.split,
        relation: question.relation,
        class: response.class as Wanted,
        question: question.question,
        aliases: question.aliases,
        kind: question.kind,
        options: question.options,
        ...answer,
        ...places[i],
        distinct_answers: distinctAnswers(response),
      },
    ];
  });
}

/** How many different answers the samples of a question give, after normalisation. */
export function distinctAnswers(response: Response): number {
  return new Set(
    response.samples.map(({ text }) => {
      const span = answerSpan(text);
      return normalise(span ? text.slice(span.start, span.end) : text);
    }),
  ).size;
}
