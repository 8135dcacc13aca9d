import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReadJob } from '../../src/engine/index.js';
import { makePace } from '../../src/engine/read/pace.js';
import { openTiny, someTokens } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const TINY = { architecture: 'llama' as const, hidden: 128, ffn: 256, contextLength: 1024 };

/** Reads so many long cases; tells how many were heard of. */
function longRead(count: number, more: Partial<ReadJob> = {}) {
  const heard = { results: 0 };
  let left = count;
  const job: ReadJob = {
    next: () =>
      left-- > 0 ? { id: String(left), tokens: someTokens(300, 250, left), masks: [] } : undefined,
    onResult: () => {
      heard.results++;
    },
    ...more,
  };
  return { job, heard };
}

describe('while many tokens are read', () => {
  it('text is tokenised at once', async () => {
    const { engine } = await openTiny(folder, TINY);
    const { job, heard } = longRead(6);
    const reading = engine.read(job);
    await engine.tokenize(['one'], { special: false, bos: false });
    assert.equal(heard.results, 0);
    await reading;
    assert.equal(heard.results, 6);
  });

  it('answers go on being written', async () => {
    const { engine } = await openTiny(folder, TINY);
    const session = await engine.live({ watch: [], concurrency: 2, contextTokens: 1000 });
    let told = 0;
    const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 900, seed: 1, stop: [] };
    const begun = new Promise<void>((resolve, reject) => {
      session.submit(
        { id: 'a', stream: 's', prompt: someTokens(5, 250, 1), settings },
        {
          onToken: () => {
            told++;
            resolve();
          },
          onEnd: () => {},
          onError: reject,
        },
      );
    });
    await begun;
    const before = told;
    await engine.read(longRead(4).job);
    assert.ok(told - before >= 4, `${told - before} tokens while 1200 were read`);
    await session.close();
  });

  it('it can be stopped in the middle of a batch, and the engine goes on', async () => {
    const { engine } = await openTiny(folder, TINY);
    const controller = new AbortController();
    const { job, heard } = longRead(40, { signal: controller.signal });
    const reading = engine.read(job);
    // It has begun when this comes back; nothing of it can be done yet.
    await engine.tokenize(['one'], { special: false, bos: false });
    controller.abort(new Error('nobody waits'));
    await assert.rejects(reading, /^Error: nobody waits$/);
    assert.ok(heard.results < 40);
    // One that waits for its turn is stopped before it.
    const first = engine.read(longRead(2).job);
    const waiting = new AbortController();
    const second = engine.read(longRead(2, { signal: waiting.signal }).job);
    waiting.abort(new Error('changed my mind'));
    await assert.rejects(second, /changed my mind/);
    await first;
    await assert.rejects(engine.read(longRead(2, { signal: waiting.signal }).job), /changed my mind/);
    const { job: last, heard: all } = longRead(2);
    await engine.read(last);
    assert.equal(all.results, 2);
  });
});

describe('the pace of a long call', () => {
  it('without a live session a batch is as large as it can be', async () => {
    const pace = makePace(
      () => 'none',
      () => false,
    );
    await pace.breathe(10, 1000);
    assert.equal(pace.room(), Number.POSITIVE_INFINITY);
  });

  it('beside answers a batch is short, and they get as long a turn after it', async () => {
    let state: 'idle' | 'busy' = 'busy';
    const pace = makePace(
      () => state,
      () => false,
    );
    const since = performance.now();
    await pace.breathe(100, 40);
    assert.ok(performance.now() - since >= 40);
    assert.equal(pace.room(), 125, '50 ms of .4 ms a row');
    state = 'idle';
    assert.equal(pace.room(), 2500);
    await pace.breathe(16, 16_000 * 5);
    assert.equal(pace.room(), 16, 'never less');
  });

  it('ends when nobody wants the result', async () => {
    const pace = makePace(
      () => 'busy',
      () => true,
    );
    await assert.rejects(pace.breathe(1, 10_000), /stopped/);
  });
});
