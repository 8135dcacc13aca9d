import type { SampleSettings } from '../types.js';

/** The tokens that may be drawn, most likely first, with cumulative probabilities; arrays are reused. */
export interface Candidates {
  count: number;
  tokens: Int32Array;
  /** Cumulative probability after filters, `cumulative[count - 1]` = 1. */
  cumulative: Float64Array;
  /** log p of each candidate under the model's own distribution (temperature 1, no filter). */
  logProbability: Float64Array;
}

type Filters = Pick<SampleSettings, 'temperature' | 'topK' | 'topP' | 'minP'>;

/**
 * Makes a function that turns logits into candidates. Order of the filters as in transformers: temperature, top-k,
 * top-p (on what top-k left, renormalised), min-p (relative to the best). Temperature 0: the best token alone.
 * Equal logits are ordered by token id, so the result is a function of the logits only.
 */
export function makeDistribution(vocab: number, filters: Filters): (logits: Float32Array) => Candidates {
  const greedy = filters.temperature <= 0;
  const keep = greedy ? 1 : filters.topK > 0 ? Math.min(filters.topK, vocab) : vocab;
  const tokens = new Int32Array(keep);
  const values = new Float64Array(keep);
  const out: Candidates = {
    count: 0,
    tokens,
    cumulative: new Float64Array(keep),
    logProbability: new Float64Array(keep),
  };
  const select = keep > 256 ? selectBySorting : selectByHeap;

  return (logits) => {
    const found = select(logits, tokens, values);
    const best = values[0];
    const logSum = best + Math.log(sumOfExponentials(logits, best));
    const scale = greedy ? 1 : 1 / filters.temperature;
    let total = 0;
    for (let i = 0; i < found; i++) total += Math.exp((values[i] - best) * scale);
    let kept = 0;
    let mass = 0;
    const minimum = filters.minP;
    for (let i = 0; i < found; i++) {
      const relative = Math.exp((values[i] - best) * scale);
      // A token is kept while the mass before it is below top-p: the one that crosses the line stays in.
      if (i > 0 && (mass / total >= filters.topP || relative < minimum)) break;
      mass += relative;
      out.cumulative[i] = mass;
      out.logProbability[i] = values[i] - logSum;
      kept++;
    }
    for (let i = 0; i < kept; i++) out.cumulative[i] /= mass;
    out.count = kept;
    return out;
  };
}

/** log sum exp of the logits: what is taken off a logit to make it a log-probability. */
export function logSumExp(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (logits[i] > best) best = logits[i];
  return best + Math.log(sumOfExponentials(logits, best));
}

/** Position of the candidate that a uniform number in [0, 1) falls on. */
export function draw(candidates: Candidates, uniform: number): number {
  const { cumulative, count } = candidates;
  for (let i = 0; i < count - 1; i++) if (uniform < cumulative[i]) return i;
  return count - 1;
}

/** Whether entry `a` of the heap is to be dropped before entry `b`: smaller, or equal with a larger token id. */
function weaker(values: Float64Array, tokens: Int32Array, a: number, b: number): boolean {
  return values[a] < values[b] || (values[a] === values[b] && tokens[a] > tokens[b]);
}

function swap(values: Float64Array, tokens: Int32Array, a: number, b: number): void {
  const value = values[a];
  const token = tokens[a];
  values[a] = values[b];
  tokens[a] = tokens[b];
  values[b] = value;
  tokens[b] = token;
}

/** Restores the heap (weakest on top) of the first `end` entries below position `from`. */
function sink(values: Float64Array, tokens: Int32Array, from: number, end: number): void {
  let i = from;
  for (;;) {
    let weakest = i;
    for (let child = 2 * i + 1; child <= 2 * i + 2 && child < end; child++)
      if (weaker(values, tokens, child, weakest)) weakest = child;
    if (weakest === i) return;
    swap(values, tokens, i, weakest);
    i = weakest;
  }
}

/** First position at or after `from` with a value above `floor`, or the length. */
function nextAbove(logits: Float32Array, from: number, floor: number): number {
  let i = from;
  while (i < logits.length && !(logits[i] > floor)) i++;
  return i;
}

/** The `values.length` largest logits in descending order: a bounded heap, one pass over the vocabulary. */
export function selectByHeap(logits: Float32Array, tokens: Int32Array, values: Float64Array): number {
  const size = values.length;
  for (let token = 0; token < size; token++) {
    values[token] = logits[token];
    tokens[token] = token;
  }
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(values, tokens, i, size);
  let token = nextAbove(logits, size, values[0]);
  while (token < logits.length) {
    values[0] = logits[token];
    tokens[0] = token;
    sink(values, tokens, 0, size);
    token = nextAbove(logits, token + 1, values[0]);
  }
  for (let end = size - 1; end > 0; end--) {
    swap(values, tokens, 0, end);
    sink(values, tokens, 0, end);
  }
  return size;
}

/** The same for a long list: sort all. */
function selectBySorting(logits: Float32Array, tokens: Int32Array, values: Float64Array): number {
  const order = Int32Array.from(logits, (_, i) => i).sort((a, b) => logits[b] - logits[a] || a - b);
  for (let i = 0; i < values.length; i++) {
    tokens[i] = order[i];
    values[i] = logits[order[i]];
  }
  return values.length;
}

const STEPS = 512;
const RANGE = 32;
const EXPONENTIALS = Float64Array.from({ length: STEPS * RANGE + 1 }, (_, i) => Math.exp(-i / STEPS));

/**
 * sum exp((x - best) * scale) over the vocabulary, from a table with steps of 1/512 (each term within .1 %, errors cancel;
 * log of the sum within 1e-3, in practice 1e-5): Math.exp for 262,144 logits would cost as much as the model.
 */
export function sumOfExponentials(logits: Float32Array, best: number, scale = 1): number {
  let sum = 0;
  const limit = STEPS * RANGE;
  const steps = STEPS * scale;
  for (let i = 0; i < logits.length; i++) {
    const step = (best - logits[i]) * steps + 0.5;
    if (step < limit) sum += EXPONENTIALS[step | 0];
  }
  return sum;
}

/**
 * The token that a uniform number in [0, 1) falls on when all of the vocabulary may be drawn, in order of token ids, with
 * weights exp((x - best) * scale) from the same table.
 * @param sum what `sumOfExponentials` gives for the same arguments
 */
export function drawFromAll(
  logits: Float32Array,
  best: number,
  scale: number,
  sum: number,
  uniform: number,
): number {
  const limit = STEPS * RANGE;
  const steps = STEPS * scale;
  const target = uniform * sum;
  let mass = 0;
  for (let i = 0; i < logits.length; i++) {
    const step = (best - logits[i]) * steps + 0.5;
    if (step < limit) mass += EXPONENTIALS[step | 0];
    if (mass > target) return i;
  }
  return logits.indexOf(best);
}
