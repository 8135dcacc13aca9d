import { readLetter } from '../judge/letter.js';
import type { SpanExtractor } from '../judge/types.js';
import type { ResponseSample } from './responses.js';
import type { Sampler } from './sampler.js';
import type { SplitQuestion } from './split.js';
import { tokensOf } from './token-spans.js';

/** A response as it is read: its tokens behind those of the prompt, and which of them are the answer. */
export interface ReadAnswer {
  response: string;
  /** The answer itself, a part of the response. */
  answer: string;
  /** Prompt and response. */
  token_ids: number[];
  /** Where the response begins, as a token position. */
  response_start: number;
  /** Token positions of the answer itself, `answer_end` not included. */
  answer_start: number;
  answer_end: number;
  /** Text of each response token. */
  token_texts: string[];
  /** Of the response tokens, under the model that is read. */
  mean_log_probability: number;
}

/**
 * How responses are read, in order. Undefined where there is nothing to read: the response has no answer, the answer has no
 * token of its own (it lies in the token that held the stop string), or the tokens cannot spell the response.
 */
export async function readAnswers(
  sampler: Sampler,
  spans: SpanExtractor,
  items: { question: SplitQuestion; sample: ResponseSample }[],
): Promise<(ReadAnswer | undefined)[]> {
  const sequences = await sampler.sequences(items);
  const open = items.filter(({ sample }) => !sample.choice);
  const found = await spans.spans(
    open.map(({ question, sample }) => ({ question: question.question, response: sample.text })),
  );
  return items.map(({ question, sample }, i): ReadAnswer | undefined => {
    const { text } = sample;
    // The answer to a question with options is the letter itself.
    const span = sample.choice ? readLetter(text, question.options!.length) : found.shift();
    const sequence = sequences[i];
    const answer = span && sequence && tokensOf(sequence.spans, span.start, span.end);
    if (!answer) return undefined;
    const { tokens, responseStart } = sequence;
    return {
      response: text,
      answer: text.slice(span.start, span.end),
      token_ids: Array.from(tokens),
      response_start: responseStart,
      answer_start: responseStart + answer.start,
      answer_end: responseStart + answer.end,
      token_texts: tokenTexts(text, sequence.spans),
      mean_log_probability: sequence.meanLogProbability,
    };
  });
}

/** The text that each token adds: a character spread over several tokens is shown with the last of them. */
export function tokenTexts(text: string, spans: { start: number; end: number }[]): string[] {
  return spans.map(({ start }, i) =>
    text.slice(Math.max(0, start), Math.max(0, spans[i + 1]?.start ?? text.length)),
  );
}
