import { checkTokens } from '../engine/text/length.js';
import { commonPrefix } from '../engine/text/prompt.js';
import type { ModelInfo, ReadCase } from '../engine/types.js';

/** A token sequence with the positions of its answer, the end not included. */
export interface AnswerSequence {
  token_ids: ArrayLike<number>;
  answer_start: number;
  answer_end: number;
}

/** One with the positions of its question too, where they are known. */
export interface ReadableCase extends AnswerSequence {
  id: string;
  question_start?: number | null;
  question_end?: number | null;
}

/** One sequence to read, with the tensor that the mean CETT over each mask goes to. */
export interface RowRead {
  tokens: ArrayLike<number>;
  masks: ReadCase['masks'];
  into: string[];
}

/** What a file of features is read from: a row of each tensor from each entry of `rows`. */
export interface ReadPlan {
  /** The sequences of each row. */
  rows: RowRead[][];
  tensors: string[];
  /** Whether the residual stream over the first mask is read too, into the tensor `residual`. */
  residual: boolean;
}

/**
 * Reads of cases (method.md section 3): `answer`, the answer tokens; `other`, all other tokens; `question`, the question's own
 * tokens (zeros in the rows of cases where they are not known); `residual`, the residual stream over the answer tokens.
 */
export function casePlan(
  cases: ReadableCase[],
  { question, residual }: { question: boolean; residual: boolean },
): ReadPlan {
  const tensors = ['answer', 'other', ...(question ? ['question'] : [])];
  const rows = cases.map((one): RowRead[] => {
    const { token_ids, answer_start, answer_end, question_start, question_end } = one;
    const masks: ReadCase['masks'] = [
      [[answer_start, answer_end]],
      [
        [0, answer_start],
        [answer_end, token_ids.length],
      ],
    ];
    if (question) {
      const known = typeof question_start === 'number' && typeof question_end === 'number';
      masks.push(known ? [[question_start, question_end]] : []);
    }
    return [{ tokens: token_ids, masks, into: tensors }];
  });
  return { rows, tensors, residual };
}

/**
 * Checks that the sequences of a run can be read.
 * @throws UserError that names the first one with more tokens than the model's context
 */
export function requireFit(
  { contextLength }: Pick<ModelInfo, 'contextLength'>,
  sequences: readonly { id: string; token_ids: ArrayLike<number> }[],
): void {
  for (const { id, token_ids } of sequences) checkTokens(`case ${id}`, token_ids.length, contextLength);
}

/** Reads of pairs: `right` and `wrong`, the answer tokens of each of the two. */
export function pairPlan(pairs: { right: AnswerSequence; wrong: AnswerSequence }[]): ReadPlan {
  const read = ({ token_ids, answer_start, answer_end }: AnswerSequence, tensor: string): RowRead => {
    return { tokens: token_ids, masks: [[[answer_start, answer_end]]], into: [tensor] };
  };
  const rows = pairs.map(({ right, wrong }) => [read(right, 'right'), read(wrong, 'wrong')]);
  return { rows, tensors: ['right', 'wrong'], residual: false };
}

/** The tokens that all sequences begin with, up to the first place at which a mask begins or ends: they are run once. */
export function planPrefix({ rows }: ReadPlan): Int32Array {
  const reads = rows.flat();
  const shared = commonPrefix(reads.map(({ tokens }) => tokens));
  let length = shared.length;
  for (const { masks } of reads) {
    for (const bound of masks.flat(2)) if (bound > 0) length = Math.min(length, bound);
  }
  return shared.subarray(0, length);
}

/** Tokens of a block beyond the shared prefix: enough that running the prefix anew for each block costs little. */
const BLOCK_TOKENS = 1024;
const BLOCK_PREFIXES = 16;

/**
 * Cuts the rows into blocks `[from, to)` that are read one after another. What is in a micro-batch with a sequence moves the last
 * bits of its values; as a block is always read as a whole and by itself, a row's values depend neither on where a run
 * was cut off nor on how it was shared out.
 */
export function planBlocks(plan: ReadPlan, prefixLength: number): [from: number, to: number][] {
  const enough = Math.max(BLOCK_TOKENS, BLOCK_PREFIXES * prefixLength);
  const blocks: [number, number][] = [];
  let from = 0;
  let tokens = 0;
  plan.rows.forEach((reads, row) => {
    for (const read of reads) tokens += read.tokens.length - prefixLength;
    if (tokens < enough && row < plan.rows.length - 1) return;
    blocks.push([from, row + 1]);
    from = row + 1;
    tokens = 0;
  });
  return blocks;
}
