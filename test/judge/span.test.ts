import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerSpan } from '../../src/judge/span.js';

function span(response: string): string | undefined {
  const found = answerSpan(response);
  return found && response.slice(found.start, found.end);
}

const CASES: [response: string, answer: string][] = [
  ['Paris', 'Paris'],
  [' Paris.\n', 'Paris'],
  ['The answer is Paris.', 'Paris'],
  ['Answer: "Paris"', 'Paris'],
  ['The correct answer is: **Paris**.', 'Paris'],
  ['It is Paris', 'Paris'],
  ["It's Paris!", 'Paris'],
  ['I think it was Paris.', 'Paris'],
  ['The capital of France is Paris.', 'Paris'],
  ['The largest city in the U.S. is New York', 'New York'],
  ['Paris is the capital of France.', 'Paris'],
  ['Paris, which is the capital of France', 'Paris'],
  ['Paris (the city of light)', 'Paris'],
  ['Paris. It has two million people.', 'Paris'],
  ['Paris\n\nParis is big', 'Paris'],
  ['Paris – the capital', 'Paris'],
  ['“For Your Eyes Only”', 'For Your Eyes Only'],
  ['The haka “Ka Mate”', 'The haka “Ka Mate”'],
  ['"Weird Al" Yankovic', 'Weird Al" Yankovic'],
  ['James "Jim"', 'James "Jim"'],
  ['Nuclear Disarmament (CND)', 'Nuclear Disarmament (CND)'],
  ['J. R. R. Tolkien', 'J. R. R. Tolkien'],
  ['Dr. No', 'Dr. No'],
  ['Washington, D.C.', 'Washington, D.C.'],
  ['U.S. Attorney \n\n', 'U.S. Attorney'],
  ['These Are the Days of Our Lives', 'These Are the Days of Our Lives'],
  ['Are You Being Served?', 'Are You Being Served?'],
  ['The Man Who Was Thursday', 'The Man Who Was Thursday'],
  ['Jean-Paul Sartre', 'Jean-Paul Sartre'],
  ['-4', '-4'],
  ['.com', '.com'],
  ['4.5.', '4.5'],
  ['東京。', '東京'],
  ['...Paris', 'Paris'],
  ['f(x)', 'f(x)'],
  ['The answer is', 'The answer is'],
  ['…', ''],
];

test('answerSpan leaves out lead-ins, quotation marks, explanations and trailing punctuation', () => {
  for (const [response, answer] of CASES) assert.equal(span(response) ?? '', answer, response);
});

test('offsets are UTF-16 units, as those of String.slice', () => {
  assert.deepEqual(answerSpan('😀 Paris😀.'), { start: 0, end: 10 });
  assert.deepEqual(answerSpan('“😀”'), { start: 1, end: 3 });
});

test('nothing to answer with gives no span', () => {
  for (const response of ['', '   ', '\n', '"."', '**'])
    assert.equal(answerSpan(response), undefined, response);
});
