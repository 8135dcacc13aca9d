import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GuardAttempt, type GuardMode, guardAttempts, guarded } from '../../src/risk/guard.js';

/** Runs a guard over attempts with these risks. */
async function run(mode: GuardMode, risks: (number | null)[], temperature = 1) {
  const asked: GuardAttempt[] = [];
  const result = await guarded(
    { mode, threshold: 0.5, temperature, retries: risks.length - 1 },
    async (attempt) => {
      asked.push(attempt);
      return { probability: risks[attempt.attempt], name: attempt.attempt };
    },
  );
  return {
    chosen: result.answer.name,
    retries: result.retries,
    abstained: result.abstained,
    asked: asked.length,
  };
}

test('annotate and abstain ask once; only abstain holds a risky answer back', async () => {
  assert.deepEqual(await run('annotate', [0.9, 0.1]), { chosen: 0, retries: 0, abstained: false, asked: 1 });
  assert.deepEqual(await run('abstain', [0.9, 0.1]), { chosen: 0, retries: 0, abstained: true, asked: 1 });
  assert.deepEqual(await run('abstain', [0.49]), { chosen: 0, retries: 0, abstained: false, asked: 1 });
  assert.deepEqual(await run('abstain', [0.5]), { chosen: 0, retries: 0, abstained: true, asked: 1 });
});

test('retry takes the first answer that passes, or else the least risky one', async () => {
  assert.deepEqual(await run('retry', [0.9, 0.2, 0.1]), {
    chosen: 1,
    retries: 1,
    abstained: false,
    asked: 2,
  });
  assert.deepEqual(await run('retry', [0.9, 0.6, 0.7]), {
    chosen: 1,
    retries: 2,
    abstained: false,
    asked: 3,
  });
  assert.deepEqual(await run('retry', [0.3, 0.1]), { chosen: 0, retries: 0, abstained: false, asked: 1 });
  assert.deepEqual(await run('retry', [0.9, null]), { chosen: 1, retries: 1, abstained: false, asked: 2 });
});

test('another attempt is another sample; a greedy one lowers alpha, since it would come out the same', () => {
  const options = { mode: 'retry', threshold: 0.5, retries: 3, alpha: 1 } as const;
  assert.deepEqual(
    guardAttempts({ ...options, temperature: 0.7 }).map(({ alpha }) => alpha),
    [1, 1, 1, 1],
  );
  assert.deepEqual(
    guardAttempts({ ...options, temperature: 0 }).map(({ alpha }) => alpha),
    [1, 0.75, 0.5, 0.25],
  );
  // Nothing is left to lower.
  assert.equal(guardAttempts({ ...options, alpha: 0, temperature: 0 }).length, 1);
  assert.equal(guardAttempts({ ...options, alpha: 0, temperature: 0.7 }).length, 4);
  assert.deepEqual(guardAttempts({ ...options, mode: 'abstain', temperature: 0 }), [
    { attempt: 0, alpha: 1 },
  ]);
});

test('a failed attempt ends the whole', async () => {
  await assert.rejects(
    guarded({ mode: 'retry', threshold: 0.5, temperature: 1 }, async () => Promise.reject(new Error('gone'))),
    /gone/,
  );
});
