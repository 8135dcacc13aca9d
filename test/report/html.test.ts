import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHTML } from 'linkedom';
import { renderHtml } from '../../src/report/html.js';
import { escapeHtml, html } from '../../src/report/markup.js';
import { hardOrFalseWords } from '../../src/report/sections/further.js';
import { completeReport } from '../../src/report/verdict.js';
import { someExplain } from '../support/explain.js';
import { HOSTILE, hostileReport, STEERING, syntheticContent, syntheticReport } from '../support/report.js';

const FIGURES = [
  'controls',
  'roc',
  'calibration',
  'relations-figure',
  'probes',
  'map',
  'weights',
  'cett',
  'path',
  'overlap',
  'selection',
  'questions-figure',
];

const USUAL = renderHtml(syntheticReport());
const ODD = renderHtml(hostileReport());

/** What a browser could load or run: elements and attributes, not text. */
function dangers(page: string): string[] {
  const { document } = parseHTML(page);
  const found: string[] = [];
  for (const element of document.querySelectorAll('*')) {
    if (/^(script|iframe|object|embed|img|image|audio|video|base|form|use)$/i.test(element.tagName)) {
      found.push(element.tagName);
    }
    for (const { name, value } of element.attributes) {
      if (/^on/i.test(name)) found.push(name);
      if (
        /^(src|srcset|href|xlink:href|action|poster|background)$/i.test(name) &&
        !/^(#[\w-]+|data:,)$/.test(value)
      ) {
        found.push(`${name}=${value}`);
      }
      if (name === 'style' && /url\(/i.test(value)) found.push(value);
    }
  }
  return found;
}

test('the page has every figure, each with a name and drawn content', () => {
  const { document } = parseHTML(USUAL);
  for (const id of FIGURES) {
    const figure = document.getElementById(id);
    assert.ok(figure, id);
    assert.ok(figure.querySelector('h3')?.textContent, id);
    const pictures = [...figure.querySelectorAll('svg.plot')];
    assert.ok(pictures.length > 0, id);
    for (const picture of pictures) {
      assert.equal(picture.getAttribute('role'), 'img');
      assert.ok((picture.getAttribute('aria-label') ?? '').length > 20, id);
      assert.ok(picture.querySelectorAll('path, circle, rect, line').length > 3, id);
      assert.doesNotMatch(picture.outerHTML, /NaN|undefined|Infinity/, id);
    }
  }
});

test('marks stand for the data: one dot a neuron on the map, one a control', () => {
  const report = syntheticReport();
  const { document } = parseHTML(USUAL);
  assert.equal(document.querySelectorAll('#map .wide circle').length, report.detector.neurons.length);
  assert.equal(document.querySelectorAll('#weights .wide rect').length, report.detector.neurons.length);
  const others = 1 + report.test.baselines.length;
  assert.equal(
    document.querySelectorAll('#controls .narrow circle').length,
    report.test.control.runs.length + report.test.layerMatched!.runs.length + others,
  );
  assert.equal(document.querySelectorAll('.example').length, report.examples.length);
});

test('the further tests are shown: one bar a H-Neuron, one dot a figure, groups and substitutes by name', () => {
  const report = syntheticReport();
  const { document } = parseHTML(USUAL);
  const positive = report.detector.neurons.filter(({ weight }) => weight > 0).length;
  assert.equal(document.querySelectorAll('#selection .wide rect').length, positive);
  assert.equal(document.querySelectorAll('#probes .wide circle').length, 6);
  assert.equal(document.querySelectorAll('#overlap .wide circle').length, 3);
  assert.equal(document.getElementById('beyond')?.textContent, report.verdict.beyond);
  const text = document.getElementById('stability')!.textContent!;
  assert.match(text, /L3·17 \(\.91\), L4·99 \(−\.62\)/);
  assert.equal(document.querySelectorAll('#stability > ul > li').length, 2);
  const rows = document.querySelectorAll('#detection details tbody tr');
  assert.equal(rows.length, report.test.baselines.length);
});

test('the words about question and answer follow from the intervals', () => {
  const report = syntheticReport();
  const told = (low: number, high: number, pairLow: number) => {
    const { question, pairs } = report;
    assert.ok(question && !('missing' in question) && pairs && !('missing' in pairs));
    const auroc = { estimate: (low + high) / 2, low, high };
    return hardOrFalseWords({
      ...report,
      question: { ...question, difference: { ...question.difference, auroc } },
      pairs: { ...pairs, detector: { estimate: 0.6, low: pairLow, high: 0.7 } },
    });
  };
  assert.match(told(0.1, 0.2, 0.52)[0], /^The answer’s tokens tell more .*\.86 against \.64/);
  assert.match(told(0.1, 0.2, 0.52)[1], /still tells something/);
  assert.match(told(-0.1, 0.02, 0.49)[0], /question alone tell as much as .*\.64 against \.86/);
  assert.match(told(-0.1, -0.02, 0.49)[0], /question alone tell more than/);
  assert.match(told(-0.1, -0.02, 0.49)[1], /nothing that can be seen.* 60\s% \(95 % interval 49–70\s%\)/);
});

test('every section of the page is in its table of contents', () => {
  const { document } = parseHTML(renderHtml({ ...syntheticReport(), explain: someExplain(3) }));
  const ids = [...document.querySelectorAll('section[id]')].map(({ id }) => `#${id}`);
  const links = [...document.querySelectorAll('nav a')].map((link) => link.getAttribute('href'));
  assert.deepEqual(links, ids);
});

test('a card for each neuron: its tokens, its contexts with the word marked, what is known of it and no more', () => {
  const explain = someExplain(8);
  const { document } = parseHTML(renderHtml({ ...syntheticReport(), explain }));
  const cards = [...document.querySelectorAll('#explain .card')];
  assert.equal(cards.length, 8);
  assert.equal(document.querySelectorAll('#explain > .examples .card').length, 6);
  assert.equal(document.querySelectorAll('nav a[href="#explain"]').length, 1);
  assert.equal(cards[0].querySelectorAll('code').length, 20);
  const marks = [...cards[0].querySelectorAll('mark')].map((mark) => mark.textContent);
  const { most, least } = explain.cards[0];
  assert.deepEqual(
    marks,
    [...most.slice(0, 4), ...least.slice(0, 2)].map(({ marked }) => marked),
  );
  const text = (i: number) => cards[i].textContent!;
  assert.match(text(0), /^L0·100 weight \+20\.0/);
  assert.match(
    text(0),
    /complies on 12 of 40 items, as it is on 14 \(1 begin, 3 cease\): −5 points \(−15 to \+5\), p = \.63/,
  );
  assert.match(text(0), /as an H-Neuron in 75\s% of 20 resamples/);
  assert.match(text(0), /right 0\.020 \(0\.018–0\.022\), made up 0\.030/);
  assert.doesNotMatch(text(0), /It changes/);
  assert.match(text(1), /It changes: 60\s%/);
  assert.match(text(1), /other tokens –/);
  assert.doesNotMatch(text(1), /resamples/);
  assert.doesNotMatch(text(2), /Switched off/);
  assert.match(text(7), /^L7·107 not in the detector/);
  assert.match(
    document.getElementById('explain')!.textContent!,
    /Of 11 H-Neurons; explain\.json has every card/,
  );
  const tag = /no more than chance/;
  assert.doesNotMatch(text(0), tag);
  const quiet = { ...explain, lens: { ...explain.lens, chance: 6.5 } };
  assert.match(renderHtml({ ...syntheticReport(), explain: quiet }), tag);
});

test('hostile tokens and answers on cards are shown as they are', () => {
  const page = renderHtml({ ...syntheticReport(), explain: someExplain(8, HOSTILE) });
  assert.deepEqual(dangers(page), []);
  assert.doesNotMatch(page, STEERING);
  assert.match(page, /&lt;script&gt;alert\(1\)/);
});

test('what could not be tested is said, and older reports have none of it', () => {
  const content = syntheticContent();
  const page = renderHtml(
    completeReport({
      ...content,
      question: { missing: 'no tokens <here>' },
      pairs: { missing: 'no pairs' },
      stability: undefined,
    }),
  );
  const { document } = parseHTML(page);
  assert.match(document.getElementById('hard-or-false')!.textContent!, /no tokens <here>.*no pairs/s);
  assert.equal(document.getElementById('stability'), null);
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  const old = { ...content, question: undefined, pairs: undefined, stability: undefined, beyond: undefined };
  const oldPage = parseHTML(renderHtml(completeReport(old))).document;
  for (const id of ['hard-or-false', 'stability', 'beyond', 'explain'])
    assert.equal(oldPage.getElementById(id), null);
});

test('the headline is the verdict', () => {
  for (const report of [
    syntheticReport(),
    syntheticReport({ signal: 0.3 }),
    syntheticReport({ perRelation: 2 }),
  ]) {
    const { document } = parseHTML(renderHtml(report));
    assert.equal(document.querySelector('h1')?.textContent, report.verdict.headline);
    assert.equal(document.querySelectorAll('h1').length, 1);
  }
});

test('nothing is loaded or run, whatever the model says', () => {
  assert.deepEqual(dangers('<p onclick=x></p><script></script>'), ['onclick', 'SCRIPT']);
  assert.deepEqual(dangers(USUAL), []);
  assert.deepEqual(dangers(ODD), []);
  const { document } = parseHTML(ODD);
  assert.equal(document.querySelectorAll('h1').length, 1);
  assert.equal(document.querySelectorAll('style').length, 1);
});

test('hostile answers are shown as they are, except for characters that would deceive', () => {
  const { document } = parseHTML(ODD);
  const shown = [...document.querySelectorAll('.tokens')].map((element) => element.textContent);
  assert.equal(shown[0], '<script>alert(1)</script>');
  assert.equal(shown[4], HOSTILE[4]);
  assert.equal(shown[5], 'right <U+202E>to left<U+202C> and <U+2066>isolated');
  assert.equal(shown[6], '<U+001B>[2J<U+001B>]0;title<U+0007> ↵next<U+0000>line<U+009B>31m');
  assert.equal(shown[8], '👩‍👩‍👧‍👦🇧🇹 é e\u0301 \uFFFD');
  assert.equal(shown[9], '(empty answer)');
  assert.doesNotMatch(ODD, STEERING);
  assert.doesNotMatch(ODD, /\p{Surrogate}/u);
});

test('the template escapes text, keeps markup, joins lists, drops false and undefined', () => {
  const inner = html`<b>${'<&>'}</b>`;
  assert.equal(
    html`<p title="${'"\''}">${[inner, ' ', 3]}${false}${undefined}</p>`.markup,
    '<p title="&quot;&#39;"><b>&lt;&amp;&gt;</b> 3</p>',
  );
  assert.equal(escapeHtml('a\nb'), 'a↵b');
});

test('the page stays below a megabyte for a large model with a large detector', () => {
  const page = renderHtml(syntheticReport({ layers: 80, ffn: 28_672, neurons: 4000 }));
  assert.ok(page.length < 1_000_000, `${page.length} characters`);
  assert.match(page, /3,000 weaker ones are in the detector file/);
});

test('a run without neurons, examples, warnings or baselines still gives a page', () => {
  const content = syntheticContent();
  const page = renderHtml(
    completeReport({
      ...content,
      detector: { intercept: 0, neurons: [] },
      cett: [],
      examples: [],
      warnings: [],
      test: { ...content.test, baselines: [], relations: [] },
    }),
  );
  assert.doesNotMatch(page, /NaN|undefined|Infinity/);
  assert.match(page, /There is no detector/);
});
