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
  // Lists: the first element.
  ['1. James Patterson\n2. Stephen King', 'James Patterson'],
  ['1. James Patterson', 'James Patterson'],
  ['1) **Danube**\n2) **Rhine**', 'Danube'],
  ['(1) Danube\n(2) Rhine', 'Danube'],
  ['Here are three rivers in Europe:\n\n1. **Danube**\n2. Rhine', 'Danube'],
  ['The rivers are:\n- Danube\n- Rhine', 'Danube'],
  ['• Danube\n• Rhine', 'Danube'],
  ['* Danube', 'Danube'],
  ['1. FC Köln', '1. FC Köln'],
  ['1. There is only one moon.', '1'],
  ['4. A square has four sides.', '4'],
  ['1945. It was the year of peace.', '1945'],
  ['1. 5 km\n2. 6 km', '5 km'],
  // Dots that end no sentence.
  ['No. 5', 'No. 5'],
  ['Chanel No. 5', 'Chanel No. 5'],
  ['3.14', '3.14'],
  ['3.14. It is pi.', '3.14'],
  ['J. K. Rowling', 'J. K. Rowling'],
  ['J. K. Rowling. She wrote it.', 'J. K. Rowling'],
  ['Vitamin C. It is an acid.', 'Vitamin C'],
  ['a mammal, e.g. A whale', 'a mammal, e.g. A whale'],
  ['The U.S. Virgin Islands', 'The U.S. Virgin Islands'],
  ['George Ferris Jr.', 'George Ferris Jr.'],
  ['Sammy Davis Jr. He sang.', 'Sammy Davis Jr.'],
  ['Apple Inc.', 'Apple Inc.'],
  ['Apple Inc. The company was founded in 1976.', 'Apple Inc.'],
  ['Smith & Co. Ltd', 'Smith & Co. Ltd'],
  ['the 4th. It was a Sunday.', 'the 4th'],
  // Names with a sign at the end.
  ['Wham!', 'Wham!'],
  ['Yahoo!', 'Yahoo!'],
  ['Hello, Dolly!', 'Hello, Dolly!'],
  ['Paris!', 'Paris'],
  // Brackets that belong to the answer, and that explain it.
  ['The King (George VI)', 'The King (George VI)'],
  ['USS Nimitz (CVN-68)', 'USS Nimitz (CVN-68)'],
  ['Ben-Hur (1959)', 'Ben-Hur (1959)'],
  ['Winslow (Arizona)', 'Winslow (Arizona)'],
  ['Siberian tiger (Panthera tigris altaica)', 'Siberian tiger'],
  ['George Washington (1732–1799)', 'George Washington'],
  ['Paris (it is in France)', 'Paris'],
  ['I think, therefore I am', 'I think, therefore I am'],
  ['I think it is Paris', 'Paris'],
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
