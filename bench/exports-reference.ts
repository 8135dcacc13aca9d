/** What run-time alpha of this program says, and how far another engine is from it. */
import type { Engine } from '../src/engine/index.js';

/** Stands in the tokens for whatever token ended the text. */
export const END = -1;

export interface Reference {
  steering?: { neurons: number[]; alpha: number };
  tokens: number[][];
  /** After each prompt, `[vocab]`. */
  logits: Float32Array[];
}

/** Greedy tokens and first logits of an engine for prompts. */
export async function ask(
  engine: Engine,
  prompts: number[][],
  steps: number,
  steering?: Reference['steering'],
): Promise<Reference> {
  const tokens = await greedy(engine, prompts, steps, steering);
  const logits = [];
  for (const prompt of prompts) logits.push(await engine.logits(prompt, steering));
  return { steering, tokens, logits };
}

async function greedy(
  engine: Engine,
  prompts: number[][],
  steps: number,
  steering: Reference['steering'],
): Promise<number[][]> {
  const said: number[][] = [];
  let next = 0;
  await engine.sample({
    settings: { temperature: 0, topK: 0, topP: 1, minP: 0, maxTokens: steps, stop: [], seed: 0, steering },
    next: () =>
      next < prompts.length ? { id: String(next), prompt: prompts[next++], samples: 1 } : undefined,
    onResult: ({ id, samples }) => {
      const [{ tokens, finish }] = samples;
      said[Number(id)] = finish === 'end' ? [...tokens, END] : tokens;
    },
  });
  return said;
}

export interface Agreement {
  /** Prompts with the same tokens. */
  same: number;
  /** Of the others: where they part, and by how much our own logits prefer our token there. */
  parted: { prompt: number; step: number; margin: number }[];
  /** Prompts whose reference was changed by decoding a token again in float32. */
  again: number;
}

/**
 * Compares greedy tokens with the reference. The reference was drawn with a KV cache in float16, as always; where another engine says
 * something else, the token is computed anew with one in float32, and if that is what the other says, the reference goes on from there.
 * @param own where the others' tokens are from an engine of ours as well: theirs are computed anew in the same way
 */
export async function compareTokens(
  engine: Engine,
  prompts: number[][],
  steps: number,
  reference: Reference,
  theirs: number[][],
  ends: Set<number>,
  own?: Engine,
): Promise<Agreement> {
  const exact = async (from: Engine, tokens: number[], steering: Reference['steering']) => {
    const logits = await from.logits(tokens, steering);
    const likeliest = logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));
    return { logits, likeliest, best: ends.has(likeliest) ? END : likeliest };
  };
  const goOn = async (from: Engine, prompt: number[], begun: number[], steering: Reference['steering']) => {
    const left = begun.at(-1) === END ? 0 : steps - begun.length;
    const [rest] = left > 0 ? await greedy(from, [[...prompt, ...begun]], left, steering) : [[]];
    return [...begun, ...rest];
  };
  const result: Agreement = { same: 0, parted: [], again: 0 };
  for (const [i, prompt] of prompts.entries()) {
    let changed = false;
    for (;;) {
      const ours = reference.tokens[i];
      const step = firstDifference(ours, theirs[i]);
      if (step === undefined) {
        result.same++;
        break;
      }
      const common = ours.slice(0, step);
      const { logits, likeliest, best } = await exact(engine, [...prompt, ...common], reference.steering);
      const their = theirs[i][step];
      const anew = own && (await exact(own, [...prompt, ...common], undefined)).best;
      if (best === their && best !== ours[step]) {
        reference.tokens[i] = await goOn(engine, prompt, [...common, best], reference.steering);
      } else if (own && anew === best && best !== their) {
        theirs[i] = await goOn(own, prompt, [...common, best], undefined);
      } else {
        const chosen = their === END ? [...ends] : [their];
        const margin = logits[likeliest] - Math.max(...chosen.map((token) => logits[token]));
        result.parted.push({ prompt: i, step, margin });
        break;
      }
      changed = true;
    }
    if (changed) result.again++;
  }
  return result;
}

function firstDifference(a: number[], b: number[]): number | undefined {
  const step = a.findIndex((token, i) => token !== b[i]);
  if (step >= 0) return step;
  return b.length > a.length ? a.length : undefined;
}

/** Largest difference of logits over all prompts. */
export function logitDifference(reference: Reference, theirs: ArrayLike<number>[]): number {
  return Math.max(
    ...reference.logits.map((logits, i) =>
      logits.reduce((largest, value, token) => Math.max(largest, Math.abs(value - theirs[i][token])), 0),
    ),
  );
}

/** Largest difference of log p over the tokens that an engine names. */
export function logProbabilityDifference(reference: Reference, theirs: [number, number][][]): number {
  return Math.max(
    ...reference.logits.map((logits, i) => {
      const top = logits.reduce((a, b) => Math.max(a, b));
      const total = top + Math.log(logits.reduce((sum, value) => sum + Math.exp(value - top), 0));
      return Math.max(...theirs[i].map(([token, logP]) => Math.abs(logits[token] - total - logP)));
    }),
  );
}
