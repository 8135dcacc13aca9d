import type { Context } from '../native/context.js';
import { NotFiniteError } from '../native/finite.js';
import { logSumExp } from '../sample/distribution.js';
import type { LikelihoodCase } from '../types.js';

/**
 * Log p of chosen next tokens within many sequences, several sequences a batch; the common prefix is run once.
 * @returns for each case, in order, the values of all its questions one after another
 */
export function logProbabilities(
  context: Context,
  cases: readonly LikelihoodCase[],
  options: { prefix: ArrayLike<number>; sequences: number },
): Float64Array[] {
  const { prefix, sequences } = options;
  const results = cases.map(
    ({ asked }) => new Float64Array(asked.reduce((sum, { tokens }) => sum + tokens.length, 0)),
  );
  /** Rows of the running batch whose logits are wanted. */
  let wanted: { row: number; tokens: ArrayLike<number>; target: Float64Array; offset: number }[] = [];
  /** Sequences whose last token is in the running batch, with the cells that they take. */
  let done: { sequence: number; taken: number }[] = [];
  const free = Array.from({ length: sequences }, (_, i) => sequences - i);
  let cells = prefix.length;
  const flush = () => {
    if (context.rows > 0) context.decode();
    for (const { row, tokens, target, offset } of wanted) {
      const logits = context.logits(row);
      const total = logSumExp(logits);
      for (let i = 0; i < tokens.length; i++) target[offset + i] = logits[tokens[i]] - total;
      if (!target.subarray(offset, offset + tokens.length).every(Number.isFinite))
        throw new NotFiniteError('The log-probabilities');
    }
    for (const { sequence, taken } of done) {
      context.removeSequence(sequence);
      free.push(sequence);
      cells -= taken;
    }
    wanted = [];
    done = [];
  };

  for (let i = 0; i < prefix.length; i++) {
    context.add(prefix[i], i, 0, i === prefix.length - 1);
    if (context.rows === context.rowLimit || i === prefix.length - 1) context.decode();
  }
  cases.forEach(({ tokens, asked }, c) => {
    let shared = 0;
    // A row that is asked about is run for its logits.
    const most = Math.min(prefix.length, tokens.length, ...asked.map(({ at }) => at));
    while (shared < most && tokens[shared] === prefix[shared]) shared++;
    const taken = tokens.length - shared;
    if (free.length === 0 || cells + taken > context.cells) flush();
    cells += taken;
    const sequence = free.pop()!;
    if (shared > 0) context.copySequence(0, sequence, shared);
    const places = new Map<number, { tokens: ArrayLike<number>; offset: number }[]>();
    let offset = 0;
    for (const { at, tokens: next } of asked) {
      const list = places.get(at) ?? [];
      list.push({ tokens: next, offset });
      places.set(at, list);
      offset += next.length;
    }
    for (let at = shared; at < tokens.length; at++) {
      if (context.rows === context.rowLimit) flush();
      const here = places.get(at);
      const row = context.add(tokens[at], at, sequence, here !== undefined);
      for (const one of here ?? []) wanted.push({ row, ...one, target: results[c] });
    }
    done.push({ sequence, taken });
  });
  flush();
  return results;
}
