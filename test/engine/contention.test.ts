import assert from 'node:assert/strict';
import { it } from 'node:test';
import { makeContention, type Step, sizeOf, slowdownOf } from '../../src/engine/native/contention.js';

const steps = (count: number, ms: number, cpuMs: number, rows = 1): Step[] =>
  Array.from({ length: count }, () => ({ rows, ms, cpuMs }));

// Steps, ms of the fastest one, threads: how many times slower.
const table: [string, Step[], number, number, number | undefined][] = [
  ['quiet', steps(16, 100, 195), 98, 2, undefined],
  ['beside busy loops', steps(16, 2000, 900), 20, 2, 100],
  ['a few times the fastest', steps(16, 300, 250), 98, 2, undefined],
  ['slow but with all its cores: long contexts', steps(16, 2000, 3900), 98, 2, undefined],
  ['one thread waits for nobody', steps(16, 2000, 300), 20, 1, undefined],
  ['one long pause', [...steps(15, 20, 39), ...steps(1, 9000, 20)], 20, 2, undefined],
  ['too few steps', steps(7, 2000, 900), 20, 2, undefined],
  ['too short to matter', steps(16, 50, 20), 2, 2, undefined],
  ['sixteen threads, one core taken', steps(16, 400, 4000), 40, 16, 10],
];
for (const [title, window, fastest, threads, want] of table)
  it(`slowdown: ${title}`, () => {
    const got = slowdownOf(window, new Map([[sizeOf(window[0]), fastest]]), threads);
    assert.equal(got && Math.round(got), want);
  });

it('steps are compared with those of their own size', () => {
  const fastest = new Map([
    [0, 10],
    [8, 1000],
  ]);
  assert.equal(slowdownOf([...steps(8, 10, 19), ...steps(8, 1000, 1900, 256)], fastest, 2), undefined);
  assert.ok(slowdownOf([...steps(8, 100, 90), ...steps(8, 9000, 8000, 256)], fastest, 2));
});

it('threads are halved as long as steps are slow, and the user is told once', () => {
  const said: string[] = [];
  const contention = makeContention(8, (text) => said.push(text));
  const feed = (all: Step[]) => {
    for (const step of all) contention.add(step);
  };
  feed(steps(20, 100, 790));
  assert.equal(contention.threads, 8);
  feed(steps(12, 5000, 4000));
  assert.equal(contention.threads, 4);
  feed(steps(100, 5000, 4000));
  assert.equal(contention.threads, 1);
  assert.equal(said.length, 1);
  assert.match(
    said[0],
    /take \d+ times as long as the fastest, because its 8 threads wait .* set threads to 1$/,
  );
});
