import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentSpans } from '../../src/risk/content-spans.js';
import { sentences } from '../../src/risk/sentences.js';

const texts = (spans: { text: string }[]) => spans.map(({ text }) => text);

test('sentences: abbreviations, initials and decimals do not end one; line breaks do; any script', () => {
  for (const [text, expected] of [
    ['This is vitamin b. It helps.', ['This is vitamin b.', 'It helps.']],
    ['Paris. It is in France!', ['Paris.', 'It is in France!']],
    ['Dr. Smith met J. R. R. Tolkien. They talked.', ['Dr. Smith met J. R. R. Tolkien.', 'They talked.']],
    ['It costs 4.5 euros. Cheap?', ['It costs 4.5 euros.', 'Cheap?']],
    ['  capital: Lima\ncurrency: sol\n\n', ['capital: Lima', 'currency: sol']],
    ['1. Lima\n2. Cusco', ['1. Lima', '2. Cusco']],
    ['首都は東京です。通貨は円です。', ['首都は東京です。', '通貨は円です。']],
    ['¿Dónde? En Lima. Sí.', ['¿Dónde?', 'En Lima.', 'Sí.']],
    ['भारत की राजधानी दिल्ली है। यह बड़ा है।', ['भारत की राजधानी दिल्ली है।', 'यह बड़ा है।']],
    ['He won in No. 5. Twice.', ['He won in No. 5.', 'Twice.']],
    ['\u{1F600} \u{1F600}. !', []],
    ['', []],
  ] as const) {
    assert.deepEqual(texts(sentences(text)), expected, text);
    for (const part of sentences(text)) assert.equal(text.slice(part.start, part.end), part.text);
  }
});

test('spans: names, numbers, dates, quoted titles and labelled values, whole and without the words around', () => {
  for (const [text, expected] of [
    ['The capital of Peru is Lima.', ['Peru', 'Lima']],
    ['Lima', ['Lima']],
    ['euro', ['euro']],
    [' the Andean condor', ['Andean']],
    ['capital: Lima; currency: sol; language: Spanish', ['Lima', 'sol', 'Spanish']],
    ['Capital: Lima\nCurrency: Peruvian sol', ['Lima', 'Peruvian sol']],
    ['She studied at the University of Oxford in 1984.', ['University of Oxford', '1984']],
    ['Ludwig van Beethoven was born on December 17, 1770.', ['Ludwig van Beethoven', 'December 17, 1770']],
    ['J. R. R. Tolkien wrote "The Hobbit" in English.', ['J. R. R. Tolkien', 'The Hobbit', 'English']],
    ['In 2020 about 1,234.5 km and 35 % of it', ['2020', '1,234.5', '35 %']],
    ['It is I who was there.', ['I']],
    ['New York City, Boston and Los Angeles', ['New York City', 'Boston', 'Los Angeles']],
    ['Die Hauptstadt von Österreich ist Wien.', ['Hauptstadt von Österreich', 'Wien']],
    ['東京は日本の首都です', ['東京', '日本', '首都', 'です']],
    ['...', []],
    ['', []],
  ] as const) {
    const spans = contentSpans(text);
    assert.deepEqual(texts(spans), expected, text);
    for (const span of spans) assert.equal(text.slice(span.start, span.end), span.text);
  }
});

test('spans never overlap and stand in order, whatever the text', () => {
  const parts = [
    '“A “b” C',
    'x: y: Z;',
    'of of Of',
    '12. Mai 2001',
    ' "',
    '\n',
    '«',
    '東',
    'É.',
    '-',
    '€5',
    'a:b;c:d',
  ];
  for (let i = 0; i < 2000; i++) {
    const text = [7, 5, 3, 2].map((step) => parts[(i * step + (i >> step)) % parts.length]).join(' ');
    let end = 0;
    for (const span of contentSpans(text)) {
      assert.ok(span.start >= end && span.end > span.start, text);
      end = span.end;
    }
  }
});

test('a long hostile text neither overflows the stack nor takes the square of its length', () => {
  for (const text of [
    'a: '.repeat(10_000),
    '"'.repeat(25_000),
    'Of '.repeat(15_000),
    'A. '.repeat(10_000),
    '('.repeat(25_000),
  ]) {
    const began = process.cpuUsage();
    contentSpans(text);
    sentences(text);
    // A quadratic search takes far longer; the time of other programs does not count.
    assert.ok(process.cpuUsage(began).user < 10e6, text.slice(0, 10));
  }
});
