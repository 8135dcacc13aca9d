import assert from 'node:assert/strict';
import { test } from 'node:test';
import stringWidth from 'string-width';
import { formatP, formatPermille, formatSeconds, formatShare, visibleText } from '../../src/report/format.js';
import { renderTerminal } from '../../src/report/terminal.js';
import { hostileReport, STEERING, syntheticReport } from '../support/report.js';

test('the summary says what matters within a screen', () => {
  const report = syntheticReport();
  const text = renderTerminal(report, { color: false, width: 80 });
  assert.ok(text.startsWith(`✔ ${report.verdict.headline}\n`));
  assert.match(text, /AUROC +\.85 +\.80–\.89 +\.67 +\.61–\.76/);
  assert.match(text, /32 H-Neurons \(\.87\s‰ of 36,864\) and 12 anti-associated; C = 0\.3/);
  assert.match(text, /answer length \.60, sample agreement \.80/);
  assert.match(text, /C +0\.01 +0\.03 +0\.1 +0\.3/);
  assert.match(text, /without them +1\.00 +1\.00 +\.99 +\.98/);
  assert.match(text, /one question {2}the wrong answer scores higher in 65\s% \(57–73\s%\) of 150 pairs/);
  assert.match(text, /The neurons add nothing that can be seen/);
  assert.match(text, /capital +14 \+ 14 +\.87 +\.71–\.98\n/);
  assert.match(text, /region +8 \+ 8 .* few\n/);
  assert.match(text, /and 3 more in the report/);
  assert.match(text, /! Relation "birth country"/);
  assert.match(text, /detector +detector\.json/);
  assert.ok(text.split('\n').length <= 44, `${text.split('\n').length} lines`);
});

test('a detector that fails does not look like a success', () => {
  const bad = renderTerminal(syntheticReport({ signal: 0.3 }), { color: true, width: 80 });
  assert.ok(bad.startsWith('\u001b[1m\u001b[31m✘ The detector does not beat'));
  assert.match(
    renderTerminal(syntheticReport({ perRelation: 2 }), { color: false }),
    /^\? Too few test samples/,
  );
});

test('no line is wider than the terminal', () => {
  for (const report of [syntheticReport(), hostileReport()]) {
    for (const width of [60, 80, 132]) {
      for (const line of renderTerminal(report, { color: true, width }).split('\n')) {
        assert.ok(stringWidth(line) <= width, `${stringWidth(line)} > ${width}: ${line}`);
      }
    }
  }
});

test('nothing from outside can steer the terminal', () => {
  const text = renderTerminal(hostileReport(), { color: false, width: 100 });
  assert.doesNotMatch(text, STEERING);
  assert.match(text, /<U\+001B>/);
});

test('numbers read well and never round to certainty', () => {
  assert.deepEqual([0.874, 1, 0.998, 0, 0.003, 0.5].map(formatShare), [
    '.87',
    '1.00',
    '.998',
    '.00',
    '.003',
    '.50',
  ]);
  assert.deepEqual([0.0004998, 0.004, 0.03, 0.5].map(formatP), [
    'p < .001',
    'p = .004',
    'p = .03',
    'p = .50',
  ]);
  assert.deepEqual([0.42, 12.3, 247, 3905].map(formatSeconds), ['.4 s', '12 s', '4 min 07 s', '1 h 05 min']);
  assert.equal(formatPermille(13, 36_864), '.35\u00a0‰');
  assert.equal(formatPermille(0, 100), '0\u00a0‰');
  assert.equal(visibleText('zwj 👩‍👧 stays, RLO \u202e does not'), 'zwj 👩‍👧 stays, RLO <U+202E> does not');
});
