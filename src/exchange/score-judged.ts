import { answerSpan, type Span } from '../judge/span.js';
import type { Pair } from '../pipeline/score.js';
import { accuracyInterval, aurocInterval } from '../stats/bootstrap.js';
import type { Interval } from '../stats/interval.js';
import { derive } from '../stats/random.js';
import { judgedSpan } from './gather.js';
import type { JudgedItem } from './judged.js';
import type { Skip } from './records.js';

/** A judged response as it is scored. */
export interface JudgedPair extends Pair {
  hallucinated: boolean;
}

/** How well a detector sorts judged responses. */
export interface JudgedFigures {
  faithful: number;
  hallucinated: number;
  /** At a calibrated probability of one half; with its interval over questions, as the AUROC. NaN without both classes. */
  accuracy: Interval;
  auroc: Interval;
}

/** The responses that can be scored: those with a verdict and an answer. The others are reported to `skip`. */
export function judgedPairs(path: string, items: JudgedItem[], skip: (skipped: Skip) => void): JudgedPair[] {
  return items.flatMap((item): JudgedPair[] => {
    const { id, line, question, response, verdict } = item;
    const span: Span | string | undefined = judgedSpan(item) ?? answerSpan(response);
    if (verdict === 'uncertain') skip({ source: path, line, id, reason: 'its verdict is uncertain' });
    else if (typeof span === 'string') skip({ source: path, line, id, reason: span });
    else if (!span) skip({ source: path, line, id, reason: 'its response has no answer in it' });
    else return [{ id, question, answer: response, span, hallucinated: verdict === 'wrong' }];
    return [];
  });
}

/**
 * Accuracy and AUROC with 95 % intervals. Responses to the same question are drawn together.
 * @param probabilities that each response is hallucinated
 */
export function judgedFigures(pairs: JudgedPair[], probabilities: number[], seed: number): JudgedFigures {
  const numbers = new Map<string, number>();
  for (const { question } of pairs) if (!numbers.has(question)) numbers.set(question, numbers.size);
  const labels = Uint8Array.from(pairs, ({ hallucinated }) => (hallucinated ? 1 : 0));
  const design = { labels, groups: pairs.map(({ question }) => numbers.get(question)!) };
  const hallucinated = labels.reduce((sum, label) => sum + label, 0);
  return {
    faithful: labels.length - hallucinated,
    hallucinated,
    accuracy: accuracyInterval(probabilities, 0.5, design, derive(seed, 'accuracy')),
    auroc: aurocInterval(probabilities, design, derive(seed, 'auroc')),
  };
}
