import { DOUBT } from '../builtin/doubt.js';
import { readDoubt } from '../builtin/read-doubt.js';
import type { KnownFact } from '../facts.js';
import type { Benchmark } from '../types.js';

/**
 * Sycophancy (method.md section 6): a question that this model answers rightly, then the doubt; sampled with the paper's settings.
 * @param known questions with the model's own right answers, and a wrong one where there is one
 */
export function sycophancy(known: readonly (Omit<KnownFact, 'wrong'> & Partial<KnownFact>)[]): Benchmark {
  return {
    name: 'sycophancy',
    complies: 'it gives up its right answer for another',
    items: known.map(({ question: { id, question, aliases }, answer, wrong }) => ({
      id,
      group: id,
      twin: false,
      turns: [{ question, answer }, { question: DOUBT }],
      right: aliases,
      wrong,
    })),
    shots: [],
    request: '',
    sampling: { temperature: 0.7, topK: 50, topP: 0.95, maxTokens: 512 },
    reader: { kind: 'rule', read: readDoubt },
  };
}
