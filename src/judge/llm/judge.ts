import { finalAnswer, parseResponse, rangeInResponse } from '../../engine/text/thought.js';
import { createJudge } from '../rule.js';
import type { Judge, JudgeItem, Judgement, Opened, SpanExtractor } from '../types.js';
import { UNCERTAINTY_MARKERS } from '../uncertainty.js';
import type { AnswerCache } from './answer-cache.js';
import { type Answerer, askAll, newCounts } from './ask.js';
import type { Found, SpanItem } from './span-prompt.js';

/**
 * A judge that asks an LLM. Responses that give no answer are not put to it: those that the rule takes for `uncertain` (a
 * marker that belongs to no accepted answer, or no letter or digit at all) stay so, and are named as the rule's verdict. It gets
 * responses without their thoughts; those that end inside one are not put to it either, and fail.
 */
export function llmJudge(
  answerer: Answerer<JudgeItem, boolean>,
  cache: AnswerCache,
  markers: readonly string[] = UNCERTAINTY_MARKERS,
): Opened<Judge> {
  const counts = newCounts();
  const { name, prompt } = answerer;
  return {
    name,
    counts: () => ({ ...counts }),
    async judge(items, onProgress) {
      const judgements: Judgement[] = new Array(items.length);
      const put: number[] = [];
      const answersOf = items.map(({ response }) => finalAnswer(response));
      items.forEach(({ aliases, response }, i) => {
        if (answersOf[i] === undefined) judgements[i] = { verdict: 'failed', judge: 'rule' };
        else if (createJudge(aliases, { markers })(response) === 'uncertain') {
          judgements[i] = { verdict: 'uncertain', judge: 'rule' };
        } else put.push(i);
      });
      const settled = items.length - put.length;
      const answers = await askAll(
        put.map((i) => ({ ...items[i], response: answersOf[i] ?? '' })),
        answerer,
        {
          cache,
          counts,
          content: ({ question, aliases, response }) => [question, aliases, response],
          onProgress: onProgress && ((done) => onProgress(settled + done)),
        },
      );
      put.forEach((i, k) => {
        const { answer, raw } = answers[k];
        const verdict = answer === undefined ? 'failed' : answer ? 'correct' : 'wrong';
        judgements[i] = { verdict, judge: name, promptVersion: prompt.version, raw };
      });
      return judgements;
    },
    close: () => closeBoth(answerer, cache),
  };
}

/** A span extractor that asks an LLM. */
export function llmSpans(answerer: Answerer<SpanItem, Found>, cache: AnswerCache): Opened<SpanExtractor> {
  const counts = newCounts();
  return {
    name: answerer.name,
    counts: () => ({ ...counts }),
    async spans(items, onProgress) {
      const parsed = items.map(({ response }) => parseResponse(response));
      const finished = items.flatMap(({ question }, i) =>
        parsed[i].unfinished ? [] : [{ question, response: parsed[i].answer }],
      );
      const answers = await askAll(finished, answerer, {
        cache,
        counts,
        content: ({ question, response }) => [question, response],
        onProgress,
      });
      let at = 0;
      return parsed.map((one) => {
        const span = one.unfinished ? undefined : answers[at++].answer?.span;
        return span && rangeInResponse(one, span);
      });
    },
    close: () => closeBoth(answerer, cache),
  };
}

async function closeBoth(answerer: { close(): Promise<void> }, cache: AnswerCache): Promise<void> {
  cache.close();
  await answerer.close();
}
