import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, LikelihoodCase } from '../../src/engine/index.js';
import { openTiny, someTokens } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

/** log p of `next` after all of `tokens`, from the logits of a context of its own. */
async function alone(engine: Engine, tokens: number[], next: number): Promise<number> {
  const logits = await engine.logits(tokens);
  const best = Math.max(...logits);
  const sum = logits.reduce((total, value) => total + Math.exp(value - best), 0);
  return logits[next] - best - Math.log(sum);
}

test('log p of chosen tokens is that of the sequence run alone, whatever shares its batch', async () => {
  const { engine } = await openTiny(folder, {
    architecture: 'gemma3',
    layers: 2,
    hidden: 32,
    ffn: 64,
    seed: 5,
    contextLength: 1024,
  });
  const { vocab } = engine.model;
  const prefix = someTokens(9, vocab, 1);
  // More sequences than can be open at a time, one far longer than a batch, and two that are the same.
  const cases = Array.from({ length: 70 }, (_, i): LikelihoodCase & { tokens: number[] } => {
    const tokens = [...prefix, ...someTokens(i === 40 ? 700 : 3 + (i % 7), vocab, 100 + (i === 69 ? 68 : i))];
    const last = tokens.length - 1;
    return {
      tokens,
      asked: [
        { at: last, tokens: [3, 5, 7 + i] },
        { at: 8, tokens: [tokens[9]] },
      ],
    };
  });
  const results = await engine.logProbabilities(cases);
  assert.equal(results.length, 70);
  for (const i of [0, 40, 63, 64, 69]) {
    const { tokens } = cases[i];
    const expected = [
      ...(await Promise.all([3, 5, 7 + i].map((next) => alone(engine, tokens, next)))),
      await alone(engine, tokens.slice(0, 9), tokens[9]),
    ];
    assert.equal(results[i].length, 4);
    expected.forEach((value, j) => {
      assert.ok(Math.abs(results[i][j] - value) < 2e-3, `${i} ${j}: ${results[i][j]} ${value}`);
    });
  }
  assert.deepEqual(await engine.logProbabilities([]), []);
});
