import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { locateLibraries } from '../../src/engine/native/locate.js';
import { openTiny, readAll, someTokens } from '../support/engines.js';
import { GREEDY, generate, idsOf } from '../support/live.js';
import { temporaryFolder } from '../support/temporary.js';
import type { TinyArchitecture } from '../support/tiny-models.js';

const folder = temporaryFolder();
const hasOther = process.platform === 'linux' && process.arch === 'x64';

/** Libraries of the release before the default one, which `npm ci` installs on Linux x64. */
function otherFolder(): string {
  const require = createRequire(resolve('test/other-release/package.json'));
  const root = dirname(dirname(require.resolve('@node-llama-cpp/linux-x64')));
  return join(root, 'bins', 'linux-x64');
}

/** Everything that the engine does, on the tiny model of one architecture. */
async function run(architecture: TinyArchitecture, library: string) {
  const { tiny, engine } = await openTiny(folder, { architecture }, { library });
  const { vocab, ffn } = tiny.config;
  const prompt = someTokens(9, vocab, 4);
  const steering = { neurons: [1, ffn + 2, 2 * ffn + 5], alpha: 3 };
  const tokens: number[][] = [];
  for (const each of [undefined, steering]) {
    const requests = [{ id: 'greedy', prompt, samples: 1 }];
    await engine.sample({
      settings: { ...GREEDY, steering: each },
      next: () => requests.pop(),
      onResult: ({ samples }) => tokens.push(samples[0].tokens),
    });
  }
  const session = await engine.live({ watch: [0, ffn + 1], concurrency: 2, contextTokens: 64 });
  const heard = await Promise.all(
    [undefined, steering].map((each, i) =>
      generate(session, { id: `${i}`, stream: '', prompt, settings: GREEDY, steering: each, score: true }),
    ),
  );
  await session.close();
  const cases = [{ id: 'case', tokens: someTokens(30, vocab, 2), masks: [[[3, 20]] as [number, number][]] }];
  const [{ means, raw }] = await readAll(engine, cases, { neurons: [0, ffn + 1] });
  return {
    version: engine.model.libraryVersion,
    tokens: [...tokens, ...heard.map(idsOf)],
    cett: [...means, raw!, ...heard.flatMap(({ cett }) => cett)],
    logits: await engine.logits(prompt, steering),
  };
}

function assertClose(got: Float32Array, want: Float32Array): void {
  assert.equal(got.length, want.length);
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs(got[i] - want[i]);
    assert.ok(difference <= 1e-5 * Math.max(1, Math.abs(want[i])), `value ${i}: ${got[i]}, ${want[i]}`);
  }
}

describe('the release before the default one gives the same results', { skip: !hasOther }, () => {
  for (const architecture of ['llama', 'gemma3', 'gpt2'] as const)
    it(architecture, async () => {
      const now = await run(architecture, locateLibraries('cpu').folder);
      const before = await run(architecture, otherFolder());
      assert.deepEqual(
        [now.version, before.version].map((version) => version.slice(0, 3)),
        ['0.5', '0.4'],
        'run "npm ci": both releases must be installed',
      );
      assert.ok(now.tokens.every((tokens) => tokens.length > 0));
      assert.deepEqual(now.tokens, before.tokens);
      assert.equal(now.cett.length, before.cett.length);
      now.cett.forEach((values, i) => {
        assertClose(values, before.cett[i]);
      });
      assertClose(now.logits, before.logits);
    });
});
