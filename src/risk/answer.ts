import { type ParsedResponse, parseResponse, rangeInResponse } from '../engine/text/thought.js';
import { answerSpan, type Span } from '../judge/span.js';
import { type Detector, detectorProbability } from '../pipeline/detector.js';
import { tokenScore } from '../pipeline/score.js';
import { type TokenSpan, tokensOf } from '../pipeline/token-spans.js';
import { contentSpans } from './content-spans.js';
import { type HeldOutAnswers, probabilityInterval } from './interval.js';
import { sentences } from './sentences.js';
import { spansOfTexts } from './tokens.js';
import type { AnswerRisk, RiskSpan, RiskVerdict, TextSpan } from './types.js';

/** What of a request and its detector decides what is said about an answer. */
export interface RiskSettings {
  detector: Detector;
  /** Answers of the run beside the detector, for the interval. */
  heldOut?: HeldOutAnswers;
  /** Default .5. */
  threshold?: number;
  /** Default 1. */
  alpha?: number;
  /** True if the prompt opens a thought, so that the text begins inside it. */
  opensThought?: boolean;
  /** Which neurons' CETT is given with each token: places in `detector.neurons`. Default: none. */
  shown?: readonly number[];
}

/** An answer as it was read. */
export interface ReadTokens {
  text: string;
  /** What each token adds to the text. */
  texts: readonly string[];
  /** CETT of the detector's neurons, in their order, at each token: `[tokens, neurons]`. */
  cett: ArrayLike<number>;
  /** Where the tokens lie in the text; default: from `texts`. */
  places?: readonly TokenSpan[];
  /** The part that is the answer itself; default: by the rule of method.md section 2. */
  span?: Span;
}

/**
 * What a detector says about an answer. The score is that of `hneurons score`: a score is linear in CETT, so the
 * score of any part is the mean over its tokens, and its risk the calibrated probability of that. The calibration was made for
 * short answers; for sentences and spans it ranks rather than tells the truth. Thoughts are no part of the answer: nothing in them
 * has a risk but the single tokens.
 */
export function answerRisk(settings: RiskSettings, answer: ReadTokens): AnswerRisk {
  const { detector, heldOut, threshold = 0.5, alpha = 1, shown } = settings;
  const { text, texts, cett } = answer;
  const width = detector.neurons.length;
  if (cett.length !== texts.length * width) {
    throw new RangeError(`CETT of ${cett.length / width} tokens for an answer of ${texts.length}`);
  }
  const weights = detector.neurons.map(({ weight }) => weight);
  const scores = Float64Array.from(texts, (_, at) => tokenScore(detector.intercept, weights, cett, at));
  const places = [...(answer.places ?? spansOfTexts(texts))];
  const meanScore = (span: Span | undefined) => {
    const part = span && tokensOf(places, span.start, span.end);
    if (!part) return undefined;
    let sum = 0;
    for (let at = part.start; at < part.end; at++) sum += scores[at];
    return { ...part, score: sum / (part.end - part.start) };
  };
  const parsed = parseResponse(text, settings.opensThought);
  // The rule sees thoughts that have marks; it would search one that the prompt opened.
  const ruled = parsed.unfinished ? undefined : answerSpan(parsed.answer);
  const span = answer.span ?? (ruled && rangeInResponse(parsed, ruled));
  const whole = meanScore(span);
  const probability = whole ? detectorProbability(detector, whole.score) : null;
  const interval = whole ? probabilityInterval(detector, whole.score, heldOut) : null;
  const withRisk = (part: TextSpan): RiskSpan[] => {
    const found = meanScore(part);
    return found ? [{ ...part, risk: detectorProbability(detector, found.score) }] : [];
  };
  return {
    score: whole?.score ?? null,
    probability,
    threshold,
    verdict: riskVerdict(probability, interval, threshold),
    interval,
    answerSpan: span && whole ? { ...span, text: text.slice(span.start, span.end) } : null,
    tokens: texts.map((part, at) => ({
      text: part,
      risk: detectorProbability(detector, scores[at]),
      answer: whole !== undefined && at >= whole.start && at < whole.end,
      ...(shown && { cett: shown.map((j) => cett[at * width + j]) }),
    })),
    sentences: partsOf(parsed, sentences).flatMap(withRisk),
    spans: partsOf(parsed, contentSpans)
      .flatMap(withRisk)
      .sort((a, b) => b.risk - a.risk),
    alpha,
    ...(parsed.unfinished && { reason: 'unfinished_thought' as const }),
  };
}

/** Parts of an answer as parts of the response. */
function partsOf(parsed: ParsedResponse, find: (text: string) => TextSpan[]): TextSpan[] {
  if (parsed.unfinished) return [];
  return find(parsed.answer).map((part) => ({ ...part, ...rangeInResponse(parsed, part) }));
}

/** The verdict on a probability with its interval; null: there is nothing to score. */
export function riskVerdict(
  probability: number | null,
  interval: readonly [number, number] | null,
  threshold: number,
): RiskVerdict {
  if (probability === null || interval === null) return 'uncertain';
  if (interval[0] < threshold && interval[1] > threshold) return 'uncertain';
  return probability >= threshold ? 'hallucinated' : 'faithful';
}
