import type { EndpointError } from '../endpoint/index.js';
import type { CollectSettings } from './settings.js';

/** What is sent beyond what every server takes. */
export interface Offer {
  /** All samples of a question in one request. */
  n: boolean;
  logprobs: boolean;
  seed: boolean;
  /** Filters that the API itself does not know, but vLLM, SGLang, llama-server, and Ollama do. */
  extra: Record<string, number>;
}

/** All that may be of use. Filters that are switched off are not sent. */
export function makeOffer({ samples, topK, minP }: CollectSettings): Offer {
  const extra: Record<string, number> = {};
  if (topK > 0) extra.top_k = topK;
  if (minP > 0) extra.min_p = minP;
  return { n: samples > 1, logprobs: true, seed: true, extra };
}

/**
 * The offer without what a server has refused: the field that it names, otherwise the next one in the order of least
 * harm (without `top_k` and `min_p` other answers are drawn).
 * @returns undefined when nothing is left to leave out
 */
export function withoutRefused(
  offer: Offer,
  refusal: EndpointError,
): { offer: Offer; dropped: string[] } | undefined {
  const left = [
    ...(offer.logprobs ? ['logprobs'] : []),
    ...(offer.n ? ['n'] : []),
    ...(offer.seed ? ['seed'] : []),
    ...Object.keys(offer.extra),
  ];
  const named =
    left.find((field) => field === refusal.details.parameter) ??
    left.find((field) => field !== 'n' && new RegExp(`\\b${field}\\b`).test(refusal.message));
  const field = named ?? left[0];
  if (field === undefined) return undefined;
  const extra = Object.fromEntries(Object.entries(offer.extra).filter(([name]) => name !== field));
  const fewer = { ...offer, extra };
  if (field === 'logprobs' || field === 'n' || field === 'seed') fewer[field] = false;
  return { offer: fewer, dropped: [field] };
}
