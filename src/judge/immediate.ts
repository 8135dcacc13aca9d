import { createJudge, type JudgeOptions } from './rule.js';
import { answerSpan } from './span.js';
import type { Judge, SpanExtractor } from './types.js';

/** The rule judge (method.md section 1), which answers at once. */
export function ruleJudge(options: JudgeOptions = {}): Judge {
  const name = options.rule === 'substring' ? 'rule:substring' : 'rule';
  return {
    name,
    immediate: ({ aliases }) => createJudge(aliases, options),
    judge: async (items) =>
      items.map(({ aliases, response }) => ({
        verdict: createJudge(aliases, options)(response),
        judge: name,
      })),
  };
}

/** The rules that find the answer within a response (method.md section 2). */
export const RULE_SPANS: SpanExtractor = {
  name: 'rule',
  immediate: answerSpan,
  spans: async (items) => items.map(({ response }) => answerSpan(response)),
};
