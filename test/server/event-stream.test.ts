import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEventStream } from '../../src/server/event-stream.js';

/** A source whose events are words. */
function source() {
  const words: string[] = [];
  const gone: string[] = [];
  return {
    words,
    gone,
    take: () => words.splice(0).join(' '),
    onGone: (reason: string) => {
      gone.push(reason);
    },
  };
}
const text = (value?: Uint8Array) => new TextDecoder().decode(value);

test('what a slow reader has not taken comes as one piece', async () => {
  const from = source();
  const stream = createEventStream(from, 1000);
  const reader = stream.body.getReader();
  const add = (word: string) => {
    from.words.push(word);
    stream.wake();
  };
  add('a');
  assert.equal(text((await reader.read()).value), 'a');
  for (const word of ['b', 'c', 'd']) {
    add(word);
    await sleep(1);
  }
  stream.end();
  // One piece may have been made before the reader fell behind.
  const rest = [text((await reader.read()).value), text((await reader.read()).value)];
  assert.deepEqual(rest, ['b', 'c d']);
  assert.equal((await reader.read()).done, true);
  assert.deepEqual(from.gone, []);
});

test('a reader that takes nothing is cut off after a while, one that waits for more is not', async () => {
  const patient = source();
  const idle = createEventStream(patient, 30);
  const reading = idle.body.getReader().read();
  const stuck = source();
  const full = createEventStream(stuck, 30);
  for (const word of ['a', 'b', 'c']) {
    stuck.words.push(word);
    full.wake();
    await sleep(1);
  }
  await sleep(100);
  assert.deepEqual(stuck.gone, ['stalled']);
  assert.deepEqual(patient.gone, []);
  patient.words.push('late');
  idle.wake();
  assert.equal(text((await reading).value), 'late');
});

test('a reader that goes away is told of once, and nothing is taken any more', async () => {
  const from = source();
  const stream = createEventStream(from, 10);
  const reader = stream.body.getReader();
  await reader.cancel();
  from.words.push('a');
  stream.wake();
  stream.end();
  await sleep(30);
  assert.deepEqual(from.gone, ['disconnected']);
  assert.deepEqual(from.words, ['a']);
});
