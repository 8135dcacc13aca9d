import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatChange,
  formatP,
  formatPercent,
  formatPercentRange,
  formatPermille,
  formatPoints,
  formatSeconds,
  formatShare,
  formatSigned,
  shorten,
  visibleText,
} from '../../src/report/format.js';

/** Spaces that do not break, as plain ones. */
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test('a share that is not quite 0 or 1 is not written as if it were', () => {
  assert.deepEqual([0, 0.004, 0.87, 0.9987, 1].map(formatShare), ['.00', '.004', '.87', '.999', '1.00']);
});

test('a difference has a sign, and what rounds to nothing has none', () => {
  assert.deepEqual([0.0004, -0.0031, 0.12, -0.04, 1].map(formatSigned), [
    '0',
    '−.003',
    '+.12',
    '−.04',
    '+1.00',
  ]);
  assert.deepEqual(
    [17.46, -4.1, 0.04, -0.04, 0].map((value) => formatChange(value, 1)),
    ['+17.5', '−4.1', '0.0', '0.0', '0.0'],
  );
  assert.deepEqual([0.084, -0.005, -0.004, 0].map(formatPoints), ['+8', '−1', '0', '0']);
});

test('per cent are rounded as on paper, whatever the binary fraction', () => {
  assert.equal(plain(formatPercent(23 / 40)), '58 %');
  assert.equal(plain(formatPercent(0.285)), '29 %');
  assert.equal(plain(formatPercentRange({ low: 0.771, high: 0.858 })), '77–86 %');
  assert.equal(plain(formatPercentRange({ low: 0.771, high: 0.774 })), '77 %');
  assert.equal(plain(formatPermille(31, 36_864)), '.84 ‰');
});

test('p-values and times', () => {
  assert.deepEqual([0.0004, 0.0011, 0.0156, 0.5].map(formatP), [
    'p < .001',
    'p = .001',
    'p = .02',
    'p = .50',
  ]);
  assert.deepEqual([0.41, 9.96, 59.6, 446, 3599.7, 5400].map(formatSeconds), [
    '.4 s',
    '10 s',
    '1 min 00 s',
    '7 min 26 s',
    '1 h 00 min',
    '1 h 30 min',
  ]);
});

test('text of a model cannot steer a terminal or turn the writing direction', () => {
  assert.equal(visibleText('a\u001b[31mb\r\nc\td\u202ee\ud800'), 'a<U+001B>[31mb↵c⇥d<U+202E>e\ufffd');
  assert.equal(shorten('añ😀bc', 4), 'añ😀…');
});
