import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import type { Span } from '../judge/span.js';
import { detectorNeurons } from '../pipeline/detector.js';
import { readNeurons } from '../pipeline/score.js';
import { tokenizeSequences } from '../pipeline/sequence.js';
import { answerRisk, type RiskSettings } from './answer.js';
import type { AnswerRisk } from './types.js';

/** An answer that stands already, behind the prompt that it answers. */
export interface WrittenAnswer {
  /** Rendered: few-shot text, or a chat up to where the answer begins. */
  prompt: string;
  answer: string;
  /** The part that is scored; default: where the rule finds the answer itself. */
  span?: Span;
}

/**
 * Reads answers that something else has written with our own copy of the model, and says what the detector says about them.
 * The numbers are those of `hneurons score`.
 *
 * @param tokenize how the prompts are tokenised, see `PromptStyle`
 * @param signal stops it, with its reason
 * @returns undefined where the tokenizer cannot spell the answer
 */
export async function scoreWritten(
  engine: Engine,
  settings: RiskSettings,
  answers: readonly WrittenAnswer[],
  tokenize: { special: boolean; bos: boolean },
  signal?: AbortSignal,
): Promise<(AnswerRisk | undefined)[]> {
  const { neurons } = detectorNeurons(settings.detector);
  const texts = answers.map(({ prompt, answer }) => ({
    prompt,
    // A prompt that ends within a line ("Answer:") is gone on with a space, as the model does itself.
    response: tokenize.special || /\s$/.test(prompt) || /^\s/.test(answer) ? answer : ` ${answer}`,
  }));
  const sequences = await tokenizeSequences(engine, texts, tokenize, (answer, why) => {
    throw new UserError(`answer ${answer + 1} with its prompt ${why}`);
  });
  const results: (AnswerRisk | undefined)[] = new Array(answers.length).fill(undefined);
  const readable = sequences.flatMap((sequence, i) => (sequence ? [{ sequence, i }] : []));
  await readNeurons(
    engine,
    neurons,
    readable.map(({ sequence }) => sequence),
    (number, raw) => {
      const { sequence, i } = readable[number];
      const { answer, span } = answers[i];
      const moved = texts[i].response.length - answer.length;
      const clamp = (at: number) => Math.max(0, at - moved);
      const places = sequence.spans.map(({ start, end }) => ({ start: clamp(start), end: clamp(end) }));
      results[i] = answerRisk(settings, {
        text: answer,
        texts: places.map(({ start }, at) => answer.slice(start, places[at + 1]?.start ?? answer.length)),
        cett: raw.subarray(sequence.responseStart * neurons.length),
        places,
        span,
      });
    },
    signal,
  );
  return results;
}
