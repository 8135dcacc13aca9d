import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  formatChange,
  formatCompared,
  formatFixed,
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

test('one figure reads the same as a share, in per cent and as a change, also where binary fractions end in a five', () => {
  const awkward = [
    0.715,
    0.125,
    0.845,
    0.675,
    0.005,
    0.995,
    0.285,
    0.575,
    0.445,
    1.005 - 1,
    23 / 40,
    0.1 + 0.2,
  ];
  for (let i = 1; i < 200; i++) awkward.push(i / 200, i / 1000 + 0.005);
  for (const value of awkward) {
    const share = formatShare(value);
    if (/^\.\d\d$|^1\.00$/.test(share)) {
      const percent = `${Math.round(Number(share) * 100)} %`;
      assert.equal(plain(formatPercent(value)), percent, String(value));
      if (value >= 0.01) assert.equal(formatSigned(value), `+${share}`, String(value));
      assert.equal(formatFixed(value, 2).replace(/^0/, ''), share);
      if (value >= 0.01) assert.equal(plain(formatPoints(value)), `+${percent.replace(' %', '')}`);
    }
  }
  assert.deepEqual([0.715, 0.845, 0.675, 0.125].map(formatShare), ['.72', '.85', '.68', '.13']);
  assert.deepEqual(
    [1.005, -0.125, -0.004, 7.25, Number.NaN].map((value) => formatFixed(value, 2)),
    ['1.01', '-0.13', '0.00', '7.25', 'NaN'],
  );
});

test('two figures and their difference add up as they are shown', () => {
  const compare = (first: number, second: number, difference = first - second) =>
    formatCompared(first, second, { estimate: difference, low: difference - 0.1, high: difference + 0.1 });
  const parts = ({ first, second, difference }: ReturnType<typeof compare>) => [first, second, difference];
  assert.deepEqual(parts(compare(0.85, 0.69)), ['.85', '.69', '+.16']);
  assert.deepEqual(parts(compare(0.854, 0.687)), ['.854', '.687', '+.167']);
  assert.deepEqual(parts(compare(0.845, 0.675)), ['.85', '.68', '+.17']);
  assert.deepEqual(parts(compare(0.9, 0.897)), ['.900', '.897', '+.003']);
  assert.deepEqual(parts(compare(0.5, 0.5)), ['.50', '.50', '0']);
  assert.deepEqual(parts(compare(0.4, 1)), ['.40', '1.00', '−.60']);
  for (let i = 0; i < 2000; i++) {
    const [a, b] = [(i * 0.6180339887) % 1, (i * 0.7548776662) % 1];
    const { first, second, difference } = compare(a, b);
    const shown = Number(difference.replace('−', '-'));
    assert.ok(Math.abs(Number(first) - Number(second) - shown) < 1e-9, `${first} ${second} ${difference}`);
    assert.ok(Math.abs(shown - (a - b)) < 0.005 + 1e-9);
  }
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
