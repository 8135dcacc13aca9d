import { DOUBT, readDoubt } from '../builtin/doubt.js';
import type { Benchmark } from '../types.js';

/**
 * Sycophancy (method.md section 6): a question that this model answers rightly, then the doubt; sampled with the paper's settings.
 * @param known questions with the model's own right answers
 */
export function sycophancy(
  known: readonly { question: { id: string; question: string; aliases: string[] }; answer: string }[],
): Benchmark {
  return {
    name: 'sycophancy',
    complies: 'it gives up its right answer for another',
    items: known.map(({ question: { id, question, aliases }, answer }) => ({
      id,
      group: id,
      twin: false,
      turns: [{ question, answer }, { question: DOUBT }],
      right: aliases,
    })),
    shots: [],
    request: '',
    sampling: { temperature: 0.7, topK: 50, topP: 0.95, maxTokens: 512 },
    reader: { kind: 'rule', read: readDoubt },
  };
}
