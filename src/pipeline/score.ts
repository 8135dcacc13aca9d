import { commonPrefix, promptStyle } from '../engine/text/prompt.js';
import { parseResponse } from '../engine/text/thought.js';
import type { Engine } from '../engine/types.js';
import { UserError } from '../errors.js';
import { answerSpan, type Span } from '../judge/span.js';
import { FEW_SHOT } from '../questions/few-shot.js';
import { guardCallbacks } from './context.js';
import { askedModel, type Detector, detectorNeurons, detectorProbability } from './detector.js';
import { tokenTexts } from './read-answers.js';
import { tokenizeSequences } from './sequence.js';
import { tokensOf } from './token-spans.js';

/** A question with an answer to be scored. */
export interface Pair {
  question: string;
  answer: string;
  id?: string;
  /** The part of `answer` that is scored; default: where the rule finds the answer itself. */
  span?: Span;
}

export interface TokenScore {
  text: string;
  /** intercept + sum of weight * CETT of this token alone. */
  score: number;
  /** The calibrated probability of that score. */
  risk: number;
  /** Part of the answer itself, which alone makes up the answer's score. */
  answer: boolean;
}

export interface PairScore extends Pair {
  /** intercept + sum of weight * mean CETT over the answer tokens. */
  score: number;
  /** That the answer is hallucinated. */
  probability: number;
  tokens: TokenScore[];
}

/** Token sequence whose answer tokens are to be scored. */
export interface ScorableSequence {
  tokens: ArrayLike<number>;
  /** Where the scored tokens begin. */
  start: number;
  answerStart: number;
  answerEnd: number;
}

/**
 * Reads the CETT of some neurons (flat indices) at every token of sequences. No mask is asked for: that costs nothing beside the
 * tokens. Prompts should begin alike: what they share is run once.
 *
 * @param take gets the number of a sequence, in any order, and its values `[tokens, neurons]`
 * @param signal stops it, with its reason
 */
export async function readNeurons(
  engine: Engine,
  neurons: ArrayLike<number>,
  sequences: readonly Pick<ScorableSequence, 'tokens'>[],
  take: (sequence: number, raw: Float32Array) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (sequences.length === 0) return;
  const { guard, rethrow } = guardCallbacks();
  let cursor = 0;
  await engine.read({
    prefix: commonPrefix(sequences.map(({ tokens }) => tokens)),
    neurons,
    signal,
    next: guard(() => {
      if (cursor >= sequences.length) return undefined;
      const { tokens } = sequences[cursor];
      return { id: String(cursor++), tokens, masks: [] };
    }, undefined),
    // Without neurons there are no values.
    onResult: guard(({ id, raw }) => take(Number(id), raw ?? new Float32Array()), undefined),
  });
  rethrow();
}

/** Score of one token: intercept + sum of weight * CETT, from the CETT of all tokens `[tokens, neurons]`. */
export function tokenScore(
  intercept: number,
  weights: ArrayLike<number>,
  cett: ArrayLike<number>,
  token: number,
): number {
  let score = intercept;
  for (let j = 0; j < weights.length; j++) score += weights[j] * cett[token * weights.length + j];
  return score;
}

/**
 * Scores of token sequences: of the answer (from the mean CETT over its tokens) and of each token from `start` on. As a
 * score is linear in CETT, the answer's is the mean of its tokens'.
 */
export async function scoreSequences(
  engine: Engine,
  detector: Detector,
  sequences: ScorableSequence[],
  onProgress: (done: number, total: number) => void = () => {},
): Promise<{ score: number; tokens: Float64Array }[]> {
  const { neurons, weights } = detectorNeurons(detector);
  const results: { score: number; tokens: Float64Array }[] = new Array(sequences.length);
  let done = 0;
  await readNeurons(engine, neurons, sequences, (sequence, raw) => {
    const { tokens, start, answerStart, answerEnd } = sequences[sequence];
    const scores = new Float64Array(tokens.length - start);
    for (let at = start; at < tokens.length; at++) {
      scores[at - start] = tokenScore(detector.intercept, weights, raw, at);
    }
    let sum = 0;
    for (let at = answerStart; at < answerEnd; at++) sum += scores[at - start];
    results[sequence] = { score: sum / (answerEnd - answerStart), tokens: scores };
    onProgress(++done, sequences.length);
  });
  return results;
}

/** Mean CETT of some neurons over the answer tokens of each sequence, `[sequences][neurons]`. */
export async function answerMeans(
  engine: Engine,
  neurons: ArrayLike<number>,
  sequences: readonly Omit<ScorableSequence, 'start'>[],
  onProgress: (done: number, total: number) => void,
): Promise<Float64Array[]> {
  const means: Float64Array[] = new Array(sequences.length);
  const width = neurons.length;
  let done = 0;
  await readNeurons(engine, neurons, sequences, (sequence, raw) => {
    const { answerStart, answerEnd } = sequences[sequence];
    const mean = new Float64Array(width);
    for (let at = answerStart; at < answerEnd; at++) {
      for (let j = 0; j < width; j++) mean[j] += raw[at * width + j] / (answerEnd - answerStart);
    }
    means[sequence] = mean;
    onProgress(++done, sequences.length);
  });
  return means;
}

/** The scored part of the response, which is the answer with or without a space in front. */
function spanOf({ answer, span }: Pair, response: string): Span | undefined {
  if (!span) return answerSpan(response);
  const moved = response.length - answer.length;
  return { start: span.start + moved, end: span.end + moved };
}

/**
 * Scores question and answer pairs with a detector, as a whole and token by token. The answer is put behind the
 * prompt that the detector was trained with.
 * @throws UserError for an answer without a letter, digit or symbol.
 */
export async function scorePairs(
  engine: Engine,
  detector: Detector,
  pairs: Pair[],
  onProgress?: (done: number, total: number) => void,
): Promise<PairScore[]> {
  const style = promptStyle(askedModel(engine.model, detector), detector.promptStyle, FEW_SHOT);
  const prompts = await Promise.all(pairs.map(({ question }) => style.text(question)));
  const texts = pairs.map(({ answer }, i) => {
    const prompt = prompts[i];
    // A prompt that ends within a line ("Answer:") is gone on with a space, as the model does itself.
    const gap = /\s$/.test(prompt) || /^\s/.test(answer) ? '' : ' ';
    return { prompt, response: style.kind === 'chat' ? answer : gap + answer };
  });
  const nameOf = (pair: number) => `pair ${pairs[pair].id ?? pair + 1}`;
  const sequences = await tokenizeSequences(engine, texts, style.tokenize, (pair, why) => {
    throw new UserError(`${nameOf(pair)}: its answer behind the prompt ${why}`);
  });
  const scorable = sequences.map((sequence, i): ScorableSequence => {
    const span = spanOf(pairs[i], texts[i].response);
    const answer = span && sequence && tokensOf(sequence.spans, span.start, span.end);
    if (!sequence || !answer) {
      const why = parseResponse(pairs[i].answer).unfinished
        ? 'ends inside a thought'
        : 'has nothing to score';
      throw new UserError(`${nameOf(i)}: the answer ${JSON.stringify(pairs[i].answer)} ${why}`);
    }
    return {
      tokens: sequence.tokens,
      start: sequence.responseStart,
      answerStart: sequence.responseStart + answer.start,
      answerEnd: sequence.responseStart + answer.end,
    };
  });
  const scores = await scoreSequences(engine, detector, scorable, onProgress);
  return pairs.map((pair, i) => {
    const { start, answerStart, answerEnd } = scorable[i];
    const texted = tokenTexts(
      texts[i].response,
      sequences[i]!.spans.map((span) => ({ ...span, start: Math.max(0, span.start) })),
    );
    return {
      ...pair,
      score: scores[i].score,
      probability: detectorProbability(detector, scores[i].score),
      tokens: texted.map((text, at) => ({
        text,
        score: scores[i].tokens[at],
        risk: detectorProbability(detector, scores[i].tokens[at]),
        answer: start + at >= answerStart && start + at < answerEnd,
      })),
    };
  });
}
