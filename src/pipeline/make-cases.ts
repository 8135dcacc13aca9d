import type { Engine } from '../engine/types.js';
import { normalise } from '../judge/normalise.js';
import { answerSpan } from '../judge/span.js';
import type { Case } from './cases.js';
import type { Wanted } from './classify.js';
import type { Response } from './responses.js';
import { mostFrequent } from './select.js';
import type { SplitQuestion } from './split.js';
import { tokenSpans, tokensOf } from './token-spans.js';

/**
 * The cases of questions that have a class: the most frequent response with its answer tokens. A question whose answer
 * has no token of its own (it lies in the token that held the stop string) is left out.
 */
export async function makeCases(
  engine: Engine,
  items: { question: SplitQuestion; response: Response; prompt: ArrayLike<number> }[],
): Promise<Case[]> {
  const chosen = items.map(({ response }) => mostFrequent(response.samples, response.class as Wanted)!);
  const pieces = await engine.pieces(chosen.flatMap((sample) => sample.tokens));
  const cases: Case[] = [];
  let at = 0;
  items.forEach(({ question, response, prompt }, i) => {
    const { tokens, text, logProbability } = chosen[i];
    const bytes = pieces.slice(at, at + tokens.length);
    at += tokens.length;
    const { spans } = tokenSpans(bytes);
    const span = answerSpan(text);
    const answer = span && tokensOf(spans, span.start, span.end);
    if (!span || !answer) return;
    cases.push({
      id: question.id,
      group: question.group,
      split: question.split,
      relation: question.relation,
      class: response.class as Wanted,
      question: question.question,
      aliases: question.aliases,
      response: text,
      answer: text.slice(span.start, span.end),
      token_ids: [...Array.from(prompt), ...tokens],
      response_start: prompt.length,
      answer_start: prompt.length + answer.start,
      answer_end: prompt.length + answer.end,
      token_texts: tokenTexts(text, spans),
      distinct_answers: distinctAnswers(response),
      mean_log_probability: logProbability === null ? null : logProbability / tokens.length,
    });
  });
  return cases;
}

/** The text that each token adds: a character spread over several tokens is shown with the last of them. */
export function tokenTexts(text: string, spans: { start: number; end: number }[]): string[] {
  return spans.map(({ start }, i) => text.slice(start, spans[i + 1]?.start ?? text.length));
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
