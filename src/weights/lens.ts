import { closeSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { OutputPath } from './output.js';
import { requireFinite, rowReader } from './rows.js';

/** What one unit of a neuron's activation adds to a token's logit, before the final norm divides it by the size of the stream. */
export interface TokenEffect {
  token: number;
  logit: number;
}

/** A neuron's direct effect on the logits. */
export interface NeuronEffect {
  /** Tokens whose logits a positive activation raises most, strongest first. */
  raised: TokenEffect[];
  /** Tokens whose logits it lowers most, strongest first. */
  lowered: TokenEffect[];
  /** Mean and standard deviation over the vocabulary: what is usual. */
  mean: number;
  deviation: number;
}

/**
 * The logit lens of columns of W_down: the direction that a neuron adds to the residual stream, through the weights of the norm
 * behind its layer (where there is one) and of the final norm, times the output matrix. What the norms divide by is one number for all
 * tokens, so it changes no order and is left out; so are soft-caps and scales of logits, and biases. LayerNorm takes the mean off, which
 * does change the order. Later layers are not looked at: this is the direct path alone. (nostalgebraist 2020; Geva et al. 2022.)
 *
 * The output matrix is read in chunks of rows; its memory is one chunk.
 *
 * @param neurons column of W_down `[hidden]` of each, and its layer
 * @param count   tokens wanted each way
 * @throws UserError when the file ends early or holds a type that cannot be decoded, or numbers that are not finite.
 */
export async function logitLens(
  output: OutputPath,
  neurons: { layer: number; column: Float32Array }[],
  options: {
    count: number;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  },
): Promise<NeuronEffect[]> {
  const { count, signal, onProgress } = options;
  const { rows: vocab, columns: hidden } = output.matrix;
  const directions = neurons.map((neuron) => lensDirection(output, neuron));
  const tallies = directions.map(() => ({
    raised: new Strongest(count),
    lowered: new Strongest(count),
    sum: 0,
    squares: 0,
  }));
  const file = openSync(output.matrix.file, 'r');
  try {
    const { perChunk, read } = rowReader(output.matrix, file);
    for (let first = 0; first < vocab; first += perChunk) {
      // Lets Ctrl-C and the progress view have their turn.
      await setImmediate();
      signal?.throwIfAborted();
      const rows = Math.min(perChunk, vocab - first);
      const values = read(first, rows);
      requireFinite(values, output.matrix);
      directions.forEach((direction, n) => {
        const tally = tallies[n];
        for (let row = 0; row < rows; row++) {
          const logit = dot(values, row * hidden, direction);
          tally.sum += logit;
          tally.squares += logit * logit;
          tally.raised.offer(first + row, logit);
          tally.lowered.offer(first + row, -logit);
        }
      });
      onProgress?.(first + rows, vocab);
    }
  } finally {
    closeSync(file);
  }
  return tallies.map(({ raised, lowered, sum, squares }) => {
    const mean = sum / vocab;
    return {
      raised: raised.list,
      lowered: lowered.list.map(({ token, logit }) => ({ token, logit: -logit })),
      mean,
      deviation: Math.sqrt(Math.max(0, squares / vocab - mean * mean)),
    };
  });
}

/** What is multiplied with the output matrix, `[hidden]`. */
function lensDirection(
  { norm, finalNorm, postNorm }: OutputPath,
  { layer, column }: { layer: number; column: Float32Array },
): Float32Array {
  const post = postNorm(layer);
  const added = post ? column.map((value, i) => value * post[i]) : column;
  const mean = norm === 'layer' ? added.reduce((sum, value) => sum + value, 0) / added.length : 0;
  return added.map((value, i) => (value - mean) * finalNorm[i]);
}

function dot(rows: Float32Array, from: number, direction: Float32Array): number {
  const length = direction.length;
  const whole = length - (length % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let i = 0; i < whole; i += 4) {
    a += rows[from + i] * direction[i];
    b += rows[from + i + 1] * direction[i + 1];
    c += rows[from + i + 2] * direction[i + 2];
    d += rows[from + i + 3] * direction[i + 3];
  }
  for (let i = whole; i < length; i++) a += rows[from + i] * direction[i];
  return a + b + (c + d);
}

/** The `count` largest of the values that were offered, largest first; of equal ones those that came first. */
class Strongest {
  readonly list: TokenEffect[] = [];

  constructor(private readonly count: number) {}

  offer(token: number, logit: number): void {
    const { list, count } = this;
    if (list.length === count && logit <= list[count - 1].logit) return;
    let at = list.length;
    while (at > 0 && list[at - 1].logit < logit) at--;
    list.splice(at, 0, { token, logit });
    if (list.length > count) list.pop();
  }
}
