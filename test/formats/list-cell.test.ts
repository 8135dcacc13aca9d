import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberText, parseJson } from '../../src/formats/json.js';
import { answerTexts, BadList, exactTexts, listTexts, oneAnswer } from '../../src/formats/list-cell.js';

/** The cell of a list field, and the answers in it. */
const LISTS: [cell: unknown, texts: string[]][] = [
  ['["Lima","Ciudad de los Reyes"]', ['Lima', 'Ciudad de los Reyes']],
  [`['Lima', "L'Aquila"]`, ['Lima', "L'Aquila"]],
  [`['Lima', 'LIMA',]`, ['Lima', 'LIMA']],
  ["['a' 'b'\n 'c d']", ['a', 'b', 'c d']],
  ["[np.str_('a'), np.str_('b')]", ['a', 'b']],
  ["array(['a', 'b'], dtype=object)", ['a', 'b']],
  ["[array(['a', 'b'], dtype=object)]", ['a', 'b']],
  [
    String.raw`['it\'s', "say \"x\"", 'caf\xe9', 'x\u00e9', 'back\\slash', 'no\escape']`,
    [...["it's", 'say "x"', 'café', 'xé', 'back\\slash', 'no\\escape']],
  ],
  [String.raw`["caf\u00e9", "a\/b"]`, ['café', 'a/b']],
  ['[]', []],
  ['', []],
  [null, []],
  ['nan', []],
  [Number.NaN, []],
  ["['Lima', None, nan]", ['Lima']],
  ['[1912, 3.5, 12345678901234567890]', ['1912', '3.5', '12345678901234567890']],
  [
    [['a', ['b']], "['c', 'd']"],
    ['a', 'b', 'c', 'd'],
  ],
  [
    ["['a']", '[redacted]', '[1, 2]', '(b)'],
    ['a', '[redacted]', '[1, 2]', '(b)'],
  ],
  ['{"value":"Lima","aliases":["LIMA"],"type":"WikipediaEntity"}', ['Lima', 'LIMA']],
  ["{'text': array(['Lima'], dtype=object), 'answer_start': array([177])}", ['Lima']],
  [{ text: ['Lima'], answer_start: [3] }, ['Lima']],
  ["('Lima', 'LIMA')", ['Lima', 'LIMA']],
  ['(George VI)', ['(George VI)']],
  ['Lima | LIMA', ['Lima', 'LIMA']],
  ['Lima; LIMA', ['Lima; LIMA']],
  ['[The] Beatles|Beatles', ['[The] Beatles', 'Beatles']],
  [1912, ['1912']],
];

test('a list in a cell, in the spelling of JSON, Python, NumPy or pandas, is its texts', () => {
  for (const [cell, texts] of LISTS)
    assert.deepEqual(answerTexts(cell, 'aliases'), texts, JSON.stringify(cell));
});

test('what begins like a list and is none is refused, by its field', () => {
  for (const cell of [
    '[redacted]',
    "['a' 'b' ... 'z']",
    "['Lima', 'Cus",
    "['a' 'b'",
    '["a" "b]',
    "['a', b]",
    "['a'] and ['b']",
    true,
    [{ score: 1 }],
    [true],
  ]) {
    assert.throws(() => answerTexts(cell, 'aliases'), BadList, JSON.stringify(cell));
    assert.throws(() => answerTexts(cell, 'aliases'), /^Error: "aliases/, JSON.stringify(cell));
  }
});

test('a field for one answer: brackets are text, unless all in them is quoted', () => {
  assert.deepEqual(oneAnswer('[redacted]', 'answer'), ['[redacted]']);
  assert.deepEqual(oneAnswer('[1, 2]', 'answer'), ['[1, 2]']);
  assert.deepEqual(oneAnswer('a|b', 'answer'), ['a|b']);
  assert.deepEqual(oneAnswer("['a', 'b']", 'answer'), ['a', 'b']);
  assert.deepEqual(oneAnswer("{'value': 'a', 'aliases': ['b']}", 'answer'), ['a', 'b']);
  assert.throws(() => oneAnswer("['a', 'b", 'answer'), BadList);
});

test('options keep their brackets, tokens their spaces; a place without text is refused', () => {
  assert.deepEqual(listTexts(["['a']", ' b '], 'options'), ["['a']", 'b']);
  assert.deepEqual(exactTexts("[' Li', 'ma']", 'answer_tokens'), [' Li', 'ma']);
  assert.throws(() => listTexts("['a', None]", 'options'), /"options.1" must be text/);
});

test('JSON: integers beyond 2^53 keep their digits, NaN is named', () => {
  assert.deepEqual(parseJson('{"id":12345678901234567890,"n":-9007199254740993,"ok":9007199254740991}'), {
    id: '12345678901234567890',
    n: '-9007199254740993',
    ok: Number.MAX_SAFE_INTEGER,
  });
  const kept = '{"a":"12345678901234567890 \\" 12345678901234567891","b":0.12345678901234567890,"c":1e3}';
  assert.deepEqual(parseJson(kept), JSON.parse(kept));
  assert.deepEqual(parseJson('[12345678901234567890,12345678901234567891]'), [
    '12345678901234567890',
    '12345678901234567891',
  ]);
  assert.throws(() => parseJson('{"a":"NaN","b":NaN}'), /NaN is not JSON: write null/);
  assert.throws(() => parseJson('{"a":-Infinity}'), /-Infinity is not JSON/);
  assert.throws(() => parseJson('{"a":"NaN"'), SyntaxError);
});

test('numbers as text have no exponent', () => {
  assert.deepEqual([1e21, 1e-7, 3.1, -0, 1912].map(numberText), [
    ...['1000000000000000000000', '0.0000001', '3.1', '0', '1912'],
  ]);
});
