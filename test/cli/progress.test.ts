import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeter, createProgress, duration } from '../../src/cli/progress.js';

function lines(quiet: boolean) {
  let time = 0;
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => written.push(text) };
  const view = createProgress({ quiet, stream, now: () => time });
  return { view, written, at: (seconds: number) => (time = seconds * 1000) };
}

test('plain lines every few seconds: done, total, rate and time left', () => {
  const { view, written, at } = lines(false);
  const step = 'extract' as const;
  view.listen({ type: 'start', step, label: 'extract' });
  view.listen({ type: 'progress', step, done: 0, total: 1200, unit: 'samples' });
  for (let second = 1; second <= 11; second++) {
    at(second);
    view.listen({ type: 'progress', step, done: second * 10, total: 1200, unit: 'samples' });
  }
  view.listen({ type: 'end', step, seconds: 11, summary: 'all read' });
  assert.deepEqual(written, [
    'extract …\n',
    'extract: 50/1,200 samples, 10/s, 1 min 55 s left\n',
    'extract: 100/1,200 samples, 10/s, 1 min 50 s left\n',
    'extract: all read (11 s)\n',
  ]);
});

test('quiet shows notes alone', () => {
  const { view, written, at } = lines(true);
  view.listen({ type: 'start', step: 'train', label: 'train' });
  at(60);
  view.listen({ type: 'progress', step: 'train', done: 1, total: 2, unit: 'fits' });
  view.listen({ type: 'note', message: 'seed changed' });
  assert.deepEqual(written, ['seed changed\n']);
});

test('the label of a step comes back after another one ran within it', () => {
  const { view, written, at } = lines(false);
  view.listen({ type: 'start', step: 'collect', label: 'collect' });
  view.listen({ type: 'start', step: 'model', label: 'load model' });
  view.listen({ type: 'end', step: 'model', seconds: 1, summary: 'm' });
  at(10);
  view.listen({ type: 'progress', step: 'collect', done: 1, total: 2, unit: 'questions' });
  assert.match(written.at(-1)!, /^collect: 1\/2 questions/);
});

test('facts first, answers then: the time left is that of what is counted now', () => {
  const { view, written, at } = lines(false);
  const step = 'explain' as const;
  view.listen({ type: 'start', step, label: 'alone' });
  view.listen({ type: 'progress', step, done: 0, total: 40, unit: 'facts' });
  at(20);
  view.listen({ type: 'progress', step, done: 40, total: 40, unit: 'facts' });
  view.listen({ type: 'progress', step, done: 0, total: 1000, unit: 'answers' });
  at(30);
  view.listen({ type: 'progress', step, done: 100, total: 1000, unit: 'answers' });
  assert.equal(written.at(-1), 'alone: 100/1,000 answers, 10/s, 1 min 30 s left\n');
});

test('what was done before a restart counts neither for the speed nor for the time left', () => {
  let time = 0;
  const meter = createMeter(() => time);
  meter.update({ done: 900, total: 1000 });
  time = 10_000;
  assert.deepEqual(meter.update({ done: 910, total: 1000 }), { rate: 1, left: '1 min 30 s left' });
});

test('durations', () => {
  assert.deepEqual([0.44, 42.4, 59.7, 200, 7500].map(duration), [
    '0.4 s',
    '42 s',
    '1 min 0 s',
    '3 min 20 s',
    '2 h 5 min',
  ]);
});
