import type { PromptStyle } from '../engine/text/prompt.js';
import type { Engine } from '../engine/types.js';
import { type AskedSequence, meanOf } from './sampler.js';
import { tokenizeSequences } from './sequence.js';
import type { SplitQuestion } from './split.js';

/**
 * The sequences of responses that came from elsewhere: the tokens that the model makes of prompt and response, with its own
 * log-probability of them. Undefined where the tokens do not spell the response.
 */
export async function retokenisedSequences(
  engine: Engine,
  style: PromptStyle,
  items: { question: SplitQuestion; sample: { text: string } }[],
): Promise<(AskedSequence | undefined)[]> {
  const texts = await Promise.all(
    items.map(async ({ question, sample }) => ({
      prompt: await style.text(question.question),
      response: sample.text,
    })),
  );
  // What cannot be read is left out by the caller, as what cannot be spelt.
  const sequences = await tokenizeSequences(engine, texts, style.tokenize, () => {});
  const known = sequences.filter((sequence) => sequence !== undefined);
  const likelihoods = await engine.logProbabilities(
    known.map(({ tokens, responseStart }) => ({
      tokens,
      asked: Array.from(tokens.slice(responseStart), (token, i) => ({
        at: responseStart - 1 + i,
        tokens: [token],
      })),
    })),
  );
  const means = new Map(known.map((sequence, i) => [sequence, meanOf(likelihoods[i])]));
  return sequences.map(
    (sequence): AskedSequence | undefined =>
      sequence && { ...sequence, meanLogProbability: means.get(sequence)! },
  );
}
