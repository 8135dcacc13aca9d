import { readLetter } from '../judge/letter.js';
import { normalise } from '../judge/normalise.js';
import { answerSpan } from '../judge/span.js';
import type { SpanExtractor } from '../judge/types.js';
import type { Case } from './cases.js';
import type { Wanted } from './classify.js';
import type { Response } from './responses.js';
import type { Sampler } from './sampler.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';
import { tokensOf } from './token-spans.js';

/**
 * The cases of questions that have a class: the most frequent response with its answer tokens. A question whose answer
 * has no token of its own (it lies in the token that held the stop string), or whose response the tokens cannot spell, is
 * left out.
 */
export async function makeCases(
  sampler: Sampler,
  spans: SpanExtractor,
  items: { question: SplitQuestion; response: Response }[],
): Promise<Case[]> {
  const chosen = items.map(({ question, response }) => ({
    question,
    response,
    sample: mostFrequent(response.samples, response.class as Wanted)!,
  }));
  const sequences = await sampler.sequences(chosen);
  const open = chosen.filter(({ sample }) => !sample.choice);
  const found = await spans.spans(
    open.map(({ question, sample }) => ({ question: question.question, response: sample.text })),
  );
  const spanOf = new Map(open.map(({ question }, i) => [question.id, found[i]]));
  return chosen.flatMap(({ question, response, sample }, i): Case[] => {
    const { text } = sample;
    const sequence = sequences[i];
    const span = sample.choice ? readLetter(text, question.options!.length) : spanOf.get(question.id);
    const answer = span && sequence && tokensOf(sequence.spans, span.start, span.end);
    if (!answer) return [];
    const { tokens, responseStart } = sequence;
    return [
      {
        id: question.id,
        group: question.group,
        split: question.split,
        relation: question.relation,
        class: response.class as Wanted,
        question: question.question,
        aliases: question.aliases,
        response: text,
        answer: text.slice(span.start, span.end),
        token_ids: Array.from(tokens),
        response_start: responseStart,
        answer_start: responseStart + answer.start,
        answer_end: responseStart + answer.end,
        token_texts: tokenTexts(text, sequence.spans),
        distinct_answers: distinctAnswers(response),
        mean_log_probability: sequence.meanLogProbability,
      },
    ];
  });
}

/** The text that each token adds: a character spread over several tokens is shown with the last of them. */
export function tokenTexts(text: string, spans: { start: number; end: number }[]): string[] {
  return spans.map(({ start }, i) =>
    text.slice(Math.max(0, start), Math.max(0, spans[i + 1]?.start ?? text.length)),
  );
}

function distinctAnswers(response: Response): number {
  return new Set(
    response.samples.map(({ text }) => {
      const span = answerSpan(text);
      return normalise(span ? text.slice(span.start, span.end) : text);
    }),
  ).size;
}
