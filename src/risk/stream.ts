import { detectorProbability } from '../pipeline/detector.js';
import { tokenScore } from '../pipeline/score.js';
import { answerRisk, type RiskSettings } from './answer.js';
import { spansOfTexts } from './tokens.js';
import type { AnswerRisk } from './types.js';

/** The risk of one token of a stream. */
export interface StreamedRisk {
  index: number;
  text: string;
  risk: number;
  cett?: number[];
}

/** Scores an answer while it is written. */
export interface RiskStream {
  /**
   * The next token's text.
   * @param leftOut UTF-16 units of white space that it began with, and that are no part of the text
   */
  token(text: string, leftOut?: number): void;
  /**
   * The CETT of the detector's neurons `[neurons]` at a token that has come already; they come in order. Gives that token's risk.
   */
  cett(index: number, values: ArrayLike<number>): StreamedRisk;
  /**
   * All that is said about the answer. Tokens behind the last of which the CETT is known are left out.
   * @param text the whole answer; default: the texts joined
   */
  finish(text?: string): AnswerRisk;
}

/** Begins a stream; what {@link RiskStream.finish} gives is what {@link answerRisk} gives for all of it at once. */
export function riskStream(settings: RiskSettings): RiskStream {
  const { detector, shown } = settings;
  const weights = detector.neurons.map(({ weight }) => weight);
  const width = weights.length;
  const texts: string[] = [];
  const left: number[] = [];
  let values = new Float32Array(64 * width);
  let read = 0;
  return {
    token(text, leftOut = 0) {
      texts.push(text);
      left.push(leftOut);
    },
    cett(index, row) {
      if (index !== read || index >= texts.length || row.length !== width) {
        throw new RangeError(
          `CETT of token ${index} with ${row.length} neurons where ${read} with ${width} is due`,
        );
      }
      if ((read + 1) * width > values.length) {
        const larger = new Float32Array(2 * values.length);
        larger.set(values);
        values = larger;
      }
      values.set(row, read * width);
      read++;
      const score = tokenScore(detector.intercept, weights, row, 0);
      return {
        index,
        text: texts[index],
        risk: detectorProbability(detector, score),
        ...(shown && { cett: shown.map((j) => row[j]) }),
      };
    },
    finish(text) {
      const known = texts.slice(0, read);
      return answerRisk(settings, {
        text: text ?? known.join(''),
        texts: known,
        cett: values.subarray(0, read * width),
        places: spansOfTexts(known, left.slice(0, read)),
      });
    },
  };
}
