import { drawFromAll, selectByHeap, sumOfExponentials } from '../sample/distribution.js';

export interface PickedToken {
  token: number;
  /** log p at temperature 1, before filters. */
  logProbability: number;
}

type Filters = Readonly<Record<'temperature' | 'topK' | 'topP' | 'minP', number>>;

/** Draws tokens for requests that each have their own filters. */
export interface Picker {
  /** Draws from logits `[vocab]`; takes one number from `uniform` unless greedy. The result is reused. */
  pick(logits: Float32Array, filters: Filters, uniform: () => number): PickedToken;
  /** The `count` most likely tokens, most likely first; log p at temperature 1, before filters. */
  top(logits: Float32Array, count: number): PickedToken[];
}

/** Candidates of the first try; most often the filters leave fewer. */
const FIRST_CANDIDATES = 256;
const GROWTH = 16;

/**
 * The filters are those of `makeDistribution` (temperature, top-k, top-p, min-p, in that order; ties by token id), and
 * an equal uniform number gives the same token; but only as many candidates are sorted as the filters leave. Without
 * any filter nothing is sorted: the number then falls on the tokens in order of their ids.
 */
export function makePicker(vocab: number): Picker {
  let tokens = new Int32Array(Math.min(vocab, FIRST_CANDIDATES));
  let values = new Float64Array(tokens.length);
  const picked: PickedToken = { token: 0, logProbability: 0 };

  /** Puts the `count` largest logits into `tokens` and `values`. */
  const select = (logits: Float32Array, count: number) => {
    if (count > tokens.length) {
      tokens = new Int32Array(count);
      values = new Float64Array(count);
    }
    selectByHeap(logits, tokens.subarray(0, count), values.subarray(0, count));
  };

  const result = (token: number, logit: number, best: number, sum: number): PickedToken => {
    picked.token = token;
    picked.logProbability = logit - best - Math.log(sum);
    return picked;
  };

  const greedy = (logits: Float32Array): PickedToken => {
    let token = 0;
    for (let i = 1; i < logits.length; i++) if (logits[i] > logits[token]) token = i;
    const best = logits[token];
    return result(token, best, best, sumOfExponentials(logits, best));
  };

  return {
    pick(logits, filters, uniform) {
      const { temperature, topK, topP, minP } = filters;
      if (temperature <= 0 || topK === 1) return greedy(logits);
      const scale = 1 / temperature;
      const limit = topK > 0 ? Math.min(topK, vocab) : vocab;
      if (limit === vocab && topP >= 1 && minP <= 0) {
        let best = logits[0];
        for (let i = 1; i < logits.length; i++) if (logits[i] > best) best = logits[i];
        const sum = sumOfExponentials(logits, best);
        const scaled = scale === 1 ? sum : sumOfExponentials(logits, best, scale);
        const token = drawFromAll(logits, best, scale, scaled, uniform());
        return result(token, logits[token], best, sum);
      }
      let count = limit < vocab ? limit : Math.min(limit, FIRST_CANDIDATES);
      for (;;) {
        select(logits, count);
        const best = values[0];
        const sum = sumOfExponentials(logits, best);
        let total = 0;
        if (limit === vocab) total = scale === 1 ? sum : sumOfExponentials(logits, best, scale);
        else for (let i = 0; i < count; i++) total += Math.exp((values[i] - best) * scale);
        let mass = 0;
        let kept = 0;
        while (kept < count) {
          const relative = Math.exp((values[kept] - best) * scale);
          if (kept > 0 && (mass / total >= topP || relative < minP)) break;
          mass += relative;
          kept++;
        }
        if (kept === count && count < limit) {
          count = Math.min(limit, count * GROWTH);
          continue;
        }
        const target = uniform() * mass;
        let reached = 0;
        for (let i = 0; i < kept; i++) {
          reached += Math.exp((values[i] - best) * scale);
          if (target < reached || i === kept - 1) return result(tokens[i], values[i], best, sum);
        }
      }
    },
    top(logits, count) {
      const size = Math.min(count, vocab);
      if (size === 0) return [];
      select(logits, size);
      const total = values[0] + Math.log(sumOfExponentials(logits, values[0]));
      return Array.from({ length: size }, (_, i) => ({
        token: tokens[i],
        logProbability: values[i] - total,
      }));
    },
  };
}
