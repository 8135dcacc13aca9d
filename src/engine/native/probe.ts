import { UserError } from '../../errors.js';
import { createContext } from './context.js';
import { NotFiniteError } from './finite.js';
import type { LoadedModel } from './model.js';
import { checkWeights } from './weights.js';

/** Tokens of the first decode, spread over the vocabulary behind BOS. */
const TOKENS = 4;

/**
 * Computes a few tokens once, so that a model that cannot compute is refused before any work is based on it: weights that are
 * not finite, weights that are missing (a file full of zeros), a decode that fails or never returns.
 * @throws UserError that names the file, and the tensor where one is not finite
 */
export function probeModel(model: LoadedModel): void {
  const { llama, info, vocab } = model;
  const context = createContext(llama, model.pointer, info.vocab, {
    cells: TOKENS,
    rows: TOKENS,
    outputs: TOKENS,
    sequences: 1,
    threads: model.threads,
    pool: model.pool,
    kvType: 0,
    flashAttention: 'off',
  });
  try {
    const bos: number = llama.vocabBos(vocab);
    const first = bos >= 0 && bos < info.vocab ? bos : 0;
    for (let i = 0; i < TOKENS; i++) {
      const token = i === 0 ? first : Math.floor((info.vocab * i) / TOKENS);
      context.add(token, i, 0, true);
    }
    context.decode();
    let flat = true;
    for (let row = 0; row < TOKENS; row++) {
      const logits = context.logits(row);
      flat &&= logits.every((logit) => logit === logits[0]);
    }
    if (flat && info.vocab > 1) {
      throw new UserError(
        `${info.path}: the model finds all tokens equally likely, so weights are missing: the file is incomplete; download it again`,
      );
    }
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    checkWeights(llama, model.gguf);
    throw new UserError(
      `${info.path}: the numbers of this model overflow in its quantisation (its weights are finite, its logits are not); take another quantisation (BF16, Q8_0)`,
    );
  } finally {
    context.free();
  }
}
