import type { Engine, LiveRequest } from '../../src/engine/index.js';
import { someTokens } from './engines.js';
import { generate, idsOf } from './live.js';

/** A request with the greedy tokens of its answer. */
export interface DecidedRequest {
  request: LiveRequest;
  tokens: number[];
}

/** Least log p between the likeliest token and the next one. */
const MARGIN = 0.3;
const ATTEMPTS = 200;

/**
 * A request, with a prompt of so many random tokens, whose greedy answer no rounding can change: each token is likelier than any
 * other by a margin. Devices round differently, and where two tokens are as good as equal, either is right.
 */
export async function decidedRequest(
  engine: Engine,
  length: number,
  rest: Omit<LiveRequest, 'prompt'>,
): Promise<DecidedRequest> {
  const session = await engine.live({ concurrency: 1, contextTokens: 128 });
  try {
    for (let seed = 1; seed <= ATTEMPTS; seed++) {
      const request = { ...rest, prompt: someTokens(length, engine.model.vocab, 1000 * length + seed) };
      const heard = await generate(session, { ...request, top: 2, score: false });
      if (heard.error) throw heard.error;
      const close = heard.tokens.some(
        ({ top }) => !top || top[0].logProbability - top[1].logProbability < MARGIN,
      );
      // An answer of one token that ends at once decides little.
      if (!close && heard.tokens.length > 2) return { request, tokens: idsOf(heard) };
    }
  } finally {
    await session.close();
  }
  throw new Error(`none of ${ATTEMPTS} prompts has a greedy answer with a margin`);
}
