import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LiveRequest, Steering } from '../../src/engine/index.js';
import { openTiny, someTokens } from '../support/engines.js';
import { eachAlone, GREEDY, generate, type Heard, idsOf, readAnswer, textOf } from '../support/live.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const LAYERS = 3;
const FFN = 96;
/** In the first and in the last layer too; the layer between is not watched at all. */
const WATCHED = [2 * FFN + 5, 0, 7, 3 * FFN - 1];
const STEERED = [3, FFN + 5, FFN + 17, 2 * FFN + 40, LAYERS * FFN - 1];

function assertClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length, what);
  for (let i = 0; i < got.length; i++)
    assert.ok(
      Math.abs(got[i] - want[i]) <= tolerance * Math.max(1, Math.abs(want[i])),
      `${what}: ${got[i]} for ${want[i]}`,
    );
}

function assertSame(got: Heard, want: Heard, tolerance: number, what: string): void {
  assert.equal(got.error, undefined, what);
  assert.deepEqual(idsOf(got), idsOf(want), what);
  assert.equal(textOf(got), textOf(want), what);
  assert.equal(got.end!.finish, want.end!.finish, what);
  assertClose(
    got.tokens.map((one) => one.logProbability),
    want.tokens.map((one) => one.logProbability),
    // log p is from a table: a hair more or less of a logit may be a step of it.
    Math.max(1e-3, 20 * tolerance),
    what,
  );
}

/** Requests of many kinds: steered and not, greedy and drawn, short prompts and long ones, with and without a score. */
function manyRequests(vocab: number): LiveRequest[] {
  const steerings: (Steering | undefined)[] = [
    undefined,
    { neurons: STEERED, alpha: 0 },
    { neurons: STEERED, alpha: 3 },
    { neurons: STEERED.slice(0, 2), alpha: 3 },
  ];
  return Array.from({ length: 12 }, (_, i) => ({
    id: `r${i}`,
    stream: `s${i % 5}`,
    prompt: [...someTokens(20, vocab, 3), ...someTokens(i % 3 === 0 ? 150 : 2 + i, vocab, 100 + i)],
    settings: {
      ...GREEDY,
      temperature: i % 2,
      topP: i % 4 === 1 ? 0.8 : 1,
      maxTokens: 3 + (i % 4) * 3,
      seed: i % 3,
    },
    steering: steerings[i % steerings.length],
    score: i % 5 !== 0,
    top: i % 3,
  }));
}

describe('equal requests give equal answers whatever runs beside them, and the CETT that read gives', () => {
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as const)
    it(architecture, async () => {
      const { engine, tiny } = await openTiny(folder, { architecture });
      const options = { watch: WATCHED, concurrency: 5, contextTokens: 256 };
      // Where GELU is rounded to float16, a value may fall to either side.
      const tolerance = architecture === 'llama' || architecture === 'qwen2' ? 1e-5 : 2e-3;
      const requests = manyRequests(tiny.config.vocab);
      const alone = await eachAlone(engine, options, requests);
      const session = await engine.live(options);
      const together = await Promise.all(requests.map((request) => generate(session, request)));
      // Once more: now the prompts are found in the cache.
      const again = await Promise.all(requests.map((request) => generate(session, request)));
      assert.equal(session.active, 0);
      await session.close();
      for (const [i, request] of requests.entries()) {
        assertSame(together[i], alone[i], tolerance, `${request.id} beside others`);
        assertSame(again[i], alone[i], tolerance, `${request.id} from the cache`);
        if (!request.score) {
          assert.equal(together[i].cett.length, 0);
          continue;
        }
        const want = await readAnswer(engine, request.prompt, idsOf(alone[i]), WATCHED, request.steering);
        for (const heard of [alone[i], together[i], again[i]]) {
          assert.equal(heard.cett.length, heard.tokens.length);
          for (const [t, cett] of heard.cett.entries())
            assertClose(cett, want[t], tolerance, `${architecture} ${request.id} token ${t}`);
        }
      }
      assert.ok(
        again.some(({ end }) => end!.cachedTokens > 100),
        'long prompts are found again',
      );
    });
});
