import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenTexts } from '../../src/pipeline/read-answers.js';
import { tokenizeSequences } from '../../src/pipeline/sequence.js';
import { tokenSpans, tokensOf } from '../../src/pipeline/token-spans.js';
import { fakeEngine } from '../support/fake-engine.js';
import { seededRandom } from '../support/random.js';

/** The bytes of a text in pieces that end at the given byte positions. */
function cut(text: string, ...ends: number[]): Uint8Array[] {
  const bytes = Buffer.from(text);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('an answer is the tokens that have a byte in it, a leading space included', () => {
  const { text, spans } = tokenSpans(cut('The answer is Paris.', 3, 10, 13, 17, 19));
  const start = text.indexOf('Paris');
  assert.deepEqual(tokensOf(spans, start, start + 5), { start: 3, end: 5 });
  assert.deepEqual(tokensOf(spans, 0, 3), { start: 0, end: 1 });
  assert.equal(tokensOf(spans, text.length, text.length + 4), undefined);
});

test('a character spread over several tokens belongs to each of them', () => {
  // é is 2 bytes, 東 3, 😀 4 (and two UTF-16 units).
  const { text, spans } = tokenSpans(cut('é東😀x', 1, 3, 6, 7));
  assert.equal(text, 'é東😀x');
  assert.deepEqual(tokensOf(spans, 0, 1), { start: 0, end: 2 });
  assert.deepEqual(tokensOf(spans, 1, 2), { start: 1, end: 3 });
  assert.deepEqual(tokensOf(spans, 2, 4), { start: 2, end: 5 });
  assert.deepEqual(tokensOf(spans, 4, 5), { start: 4, end: 5 });
});

test('tokens of every cutting are those that brute force finds, broken bytes and byte order marks included', () => {
  const random = seededRandom(9);
  const texts = ['São Tomé e Príncipe', '\ufeff東京 😀 (Tōkyō)', 'Zürich', 'a\u0301e\u0301'];
  for (let round = 0; round < 300; round++) {
    const bytes = Buffer.from(texts[round % texts.length]);
    if (round % 3 === 0) bytes[Math.floor(random() * bytes.length)] = 0xe6;
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + Math.floor(random() * 4));
      pieces.push(bytes.subarray(at, end));
      at = end;
    }
    const { text, spans } = tokenSpans(pieces);
    assert.equal(text, new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
    if (round % 3 === 0) continue;
    // Byte range of each UTF-16 unit, by encoding the text in front of it.
    const byteOf = (unit: number) => Buffer.byteLength(text.slice(0, unit));
    const from = Math.floor(random() * text.length);
    const to = from + 1 + Math.floor(random() * (text.length - from));
    if (/[\udc00-\udfff]/.test(text[from]) || /[\ud800-\udbff]/.test(text[to - 1])) continue;
    let at = 0;
    const overlapping = pieces.flatMap((piece, i) => {
      const [start, end] = [at, at + piece.length];
      at = end;
      return start < byteOf(to) && end > byteOf(from) ? [i] : [];
    });
    const expected = { start: overlapping[0], end: overlapping[overlapping.length - 1] + 1 };
    assert.deepEqual(tokensOf(spans, from, to), expected);
  }
});

test('the texts of tokens join to the whole text', () => {
  const { text, spans } = tokenSpans(cut('a é東 b', 2, 3, 5));
  assert.equal(tokenTexts(text, spans).join(''), text);
});

test('a response is found behind its prompt, whatever stands in front', async () => {
  const [sequence] = await tokenizeSequences(fakeEngine(), [{ prompt: 'Q: é?\nA:', response: ' Šibenik' }], {
    special: false,
    bos: true,
  });
  assert.equal(sequence?.responseStart, 1 + Buffer.byteLength('Q: é?\nA:'));
  assert.deepEqual(tokensOf(sequence!.spans, 1, 2), { start: 1, end: 3 });
});
