import jstat from 'jstat';
import type { Engine } from '../../engine/types.js';
import type { Card, Explain } from '../../report/explain/schema.js';
import { downColumns } from '../../weights/columns.js';
import { openGgufWeights } from '../../weights/gguf.js';
import { logitLens, type NeuronEffect } from '../../weights/lens.js';
import { openOutput } from '../../weights/output.js';
import { readableToken } from './token-text.js';

/** Tokens listed each way. */
const TOKENS = 12;

type Lists = Pick<Card, 'promotes' | 'suppresses'>;

/**
 * The tokens whose logits neurons raise and lower most, by the logit lens of their columns of W_down.
 * @param modelPath GGUF of the loaded model
 * @param neurons   flat indices
 * @returns the lists of the i-th neuron for a sign of its activation, and what they were read through
 */
export async function tokenEffects(
  engine: Engine,
  modelPath: string,
  neurons: number[],
  options: { signal?: AbortSignal; onProgress: (done: number, total: number) => void },
): Promise<{ lens: Explain['lens']; of(i: number, direction: 1 | -1): Lists }> {
  const output = await openOutput(modelPath);
  const weights = await openGgufWeights(modelPath);
  const columns = downColumns(weights, neurons);
  const layered = neurons.map((flat, i) => ({ layer: Math.floor(flat / weights.ffn), column: columns[i] }));
  const effects = await logitLens(output, layered, { count: TOKENS, ...options });
  const spell = await tokenSpeller(engine, effects);
  const vocabulary = output.matrix.rows;
  return {
    lens: {
      output: output.matrix.tensor,
      tied: output.tied,
      norm: output.norm,
      vocabulary,
      chance: jstat.jStat.normal.inv(0.99 ** (1 / vocabulary), 0, 1),
    },
    of: (i, direction) => {
      const { raised, lowered, mean, deviation } = effects[i];
      const list = (tokens: NeuronEffect['raised']) =>
        tokens.map(({ token, logit }) => ({
          id: token,
          text: spell(token),
          logit: direction * logit,
          // A column of zeros does nothing to any token.
          deviations: deviation > 0 ? (direction * (logit - mean)) / deviation : 0,
        }));
      return direction > 0
        ? { promotes: list(raised), suppresses: list(lowered) }
        : { promotes: list(lowered), suppresses: list(raised) };
    },
  };
}

async function tokenSpeller(engine: Engine, effects: NeuronEffect[]): Promise<(token: number) => string> {
  const listed = effects.flatMap(({ raised, lowered }) => [...raised, ...lowered]);
  const tokens = [...new Set(listed.map(({ token }) => token))];
  const pieces = await engine.pieces(tokens);
  const texts = new Map(tokens.map((token, i) => [token, readableToken(pieces[i])]));
  return (token) => texts.get(token)!;
}
