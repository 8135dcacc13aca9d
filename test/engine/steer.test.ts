import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTiny, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { forward } from '../support/forward.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

describe('logits under alpha against scaling z in a plain forward pass', () => {
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as const)
    it(architecture, async () => {
      const { tiny, engine } = await openTiny(folder, { architecture });
      const { vocab, ffn, layers } = tiny.config;
      const tokens = someTokens(12, vocab, 8);
      const neurons = [0, 3, ffn - 1, ffn + 5, (layers - 1) * ffn, layers * ffn - 1];
      const plain = await engine.logits(tokens);
      for (const alpha of [0, 0.5, 1, 2, 3]) {
        const want = forward(tiny, tokens, { steering: { neurons, alpha } }).logits.subarray(11 * vocab);
        const got = await engine.logits(tokens, { neurons, alpha });
        // gpt2, phi2 and gemma3 round GELU to float16, which may fall to either side.
        assert.ok(largestDifference(got, want) < 0.02, `alpha ${alpha}: ${largestDifference(got, want)}`);
        if (alpha === 1) assert.deepEqual(got, plain);
        else assert.ok(largestDifference(got, plain) > 0.05, `alpha ${alpha} did nothing`);
      }
      assert.deepEqual(await engine.logits(tokens), plain, 'nothing of the steering stays behind');
    });
});

it('a neuron named twice is scaled once', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama' });
  const once = await engine.logits([1, 2, 3], { neurons: [7], alpha: 0 });
  assert.deepEqual(await engine.logits([1, 2, 3], { neurons: [7, 7], alpha: 0 }), once);
});

it('refuses neurons that do not exist and an alpha that is no number', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama' });
  await expectUserError(
    () => engine.logits([1], { neurons: [3 * 96], alpha: 2 }),
    /Neuron 288 does not exist/,
  );
  await expectUserError(() => engine.logits([1], { neurons: [0.5], alpha: 2 }), /Neuron 0.5/);
  for (const alpha of [Number.NaN, 1e39]) {
    await expectUserError(() => engine.logits([1], { neurons: [0], alpha }), /alpha must be a number from/);
  }
});
