import { finalAnswer } from '../engine/text/thought.js';
import { createJudge, type JudgeOptions } from './rule.js';
import { answerSpan } from './span.js';
import type { Judge, Judgement, Opened, SpanExtractor } from './types.js';

const NOTHING_ASKED = { asked: 0, cached: 0, nonsense: 0, failed: 0 };

/** The rule of {@link createJudge} as a judge. */
export function ruleJudge(options: JudgeOptions = {}): Opened<Judge> {
  const name = options.rule === 'substring' ? 'rule:substring' : 'rule';
  return {
    name,
    immediate: ({ aliases }) => createJudge(aliases, options),
    async judge(items, onProgress) {
      const judgements = items.map(
        ({ aliases, response }): Judgement => ({
          verdict: finalAnswer(response) === undefined ? 'failed' : createJudge(aliases, options)(response),
          judge: name,
        }),
      );
      onProgress?.(items.length);
      return judgements;
    },
    counts: () => NOTHING_ASKED,
    close: async () => {},
  };
}

/** The rule of {@link answerSpan} as a span extractor. */
export function ruleSpans(): Opened<SpanExtractor> {
  return {
    name: 'rule',
    immediate: answerSpan,
    spans: async (items) => items.map(({ response }) => answerSpan(response)),
    counts: () => NOTHING_ASKED,
    close: async () => {},
  };
}
