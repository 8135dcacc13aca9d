import type { Span } from '../judge/span.js';

/** A part of an answer, in UTF-16 units of its text. */
export interface TextSpan extends Span {
  text: string;
}

/** A sentence, or a name, number or date of an answer, with the calibrated probability that it is hallucinated. */
export interface RiskSpan extends TextSpan {
  risk: number;
}

export interface TokenRisk {
  /** What the token adds to the text: all of them joined are the answer. */
  text: string;
  /** The calibrated probability of the score of this token alone. */
  risk: number;
  /** Part of the answer itself, which alone makes up the answer's score. */
  answer: boolean;
  /** CETT of the neurons that were asked for, in the order of asking. */
  cett?: number[];
}

/**
 * `uncertain`: there is nothing to score, or the interval of the probability holds the threshold, so that the detector
 * cannot tell on which side the answer is.
 */
export type RiskVerdict = 'faithful' | 'hallucinated' | 'uncertain';

/** What the detector says about one answer: the `hneurons` object of the server. */
export interface AnswerRisk {
  /** intercept + sum of weight * mean CETT over the tokens of the answer itself; null when there is nothing to score. */
  score: number | null;
  /** Calibrated probability that the answer is hallucinated. */
  probability: number | null;
  /** The probability from which on an answer counts as hallucinated. */
  threshold: number;
  verdict: RiskVerdict;
  /** 95 % interval of the probability (see `interval.ts`). */
  interval: [low: number, high: number] | null;
  answerSpan: TextSpan | null;
  tokens: TokenRisk[];
  /** In order of the text. */
  sentences: RiskSpan[];
  /** Names, numbers and dates, the highest risk first. */
  spans: RiskSpan[];
  /** What the activations of the H-Neurons were multiplied with while the answer was written. */
  alpha: number;
  /** Why there is no score: the response ends inside a thought. */
  reason?: 'unfinished_thought';
  /**
   * Of an answer that another server wrote: what that server had in its context and the model that scores had not, so that the score is
   * of another context. `reasoning`: a thought that came apart from the text.
   */
  unseen?: string[];
  /**
   * Of such an answer: `cut_off` by the server, which filtered, failed or called a tool, and not scored; `unknown` where it did not say
   * how the answer ended. A token limit is told by `finish_reason` alone, as everywhere.
   */
  ending?: 'cut_off' | 'unknown';
  /** How often the answer was asked for again (guard). */
  retries?: number;
  /** The answer was held back, and its text says so (guard). */
  abstained?: boolean;
}
