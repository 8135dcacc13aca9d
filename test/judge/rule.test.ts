import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFabricatedJudge } from '../../src/judge/fabricated.js';
import { readLetter } from '../../src/judge/letter.js';
import { normalise } from '../../src/judge/normalise.js';
import { createJudge, judgeResponse } from '../../src/judge/rule.js';
import { ruleJudge } from '../../src/judge/rule-judge.js';
import { answerSpan } from '../../src/judge/span.js';

type Case = [response: string, aliases: string[], verdict: string];

function check(cases: Case[]): void {
  for (const [response, aliases, verdict] of cases) {
    assert.equal(judgeResponse(response, aliases), verdict, `${response} | ${aliases.join(' / ')}`);
  }
}

test('normalise: case, accents, articles, punctuation, spaces', () => {
  assert.equal(normalise('  The  São-Tomé, “Straße” & a Łódź!\n'), 'sao tome strasse lodz');
  assert.equal(normalise('R.E.M. don’t 1,000,000 or 4.5'), 'rem dont 1000000 or 4.5');
  assert.equal(normalise('The Who'), 'who');
  assert.equal(normalise('Vitamin A'), 'vitamin a');
  assert.equal(normalise('The The'), 'the the');
  assert.equal(normalise('「東京」'), '東京');
  assert.equal(normalise('ไทย'), 'ไทย');
  assert.equal(normalise(' … '), '');
});

test('an alias counts as whole words only', () => {
  check([
    ['It is Paris, France.', ['Paris'], 'correct'],
    ['Comparison', ['Paris'], 'wrong'],
    ['Ottawa', ['Otta'], 'wrong'],
    ['mali empire', ['Mali'], 'correct'],
    ['Somalia', ['Mali'], 'wrong'],
    ['Bull-fighting', ['Bullfighting'], 'correct'],
    ['bullfighting', ['Bull fighting'], 'correct'],
    ['R.E.M.', ['REM'], 'correct'],
    ['REM', ['R E M'], 'correct'],
    ["McDonald's", ['McDonalds'], 'correct'],
    ['Jack’s', ['Jack'], 'correct'],
    ['SAO TOME', ['São Tomé'], 'correct'],
    ['Curaçao', ['Curac\u0327ao'], 'correct'],
    ['The Netherlands', ['netherlands', 'Holland'], 'correct'],
    ['Vitamin C', ['Vitamin A'], 'wrong'],
    ['the vitamin A molecule', ['vitamin A'], 'correct'],
    ['C', ['C++'], 'wrong'],
    ['C++', ['C++'], 'correct'],
    ['', ['', ' '], 'uncertain'],
    ['Paris', ['', ' . '], 'wrong'],
  ]);
});

test('scripts without spaces between words', () => {
  check([
    ['首都は東京です。', ['東京'], 'correct'],
    ['京都', ['東京'], 'wrong'],
    ['เมืองหลวงคือกรุงเทพมหานคร', ['กรุงเทพมหานคร'], 'correct'],
    ['서울은 수도입니다', ['서울'], 'correct'],
    ['ウィーン', ['ウイーン', 'ウイン'], 'wrong'],
    ['ガーナ', ['カーナ'], 'wrong'],
    ['Tokyo東京', ['Tokyo'], 'correct'],
  ]);
});

test('numbers as words and digits are one, and stay whole', () => {
  check([
    ['four', ['4'], 'correct'],
    ['There are 4 of them', ['Four'], 'correct'],
    ['40', ['4'], 'wrong'],
    ['twenty-four', ['4'], 'wrong'],
    ['twenty four', ['24'], 'correct'],
    ['four hundred', ['4'], 'wrong'],
    ['one hundred and five', ['105'], 'correct'],
    ['1,000', ['1000'], 'correct'],
    ['1\u202f000', ['1000'], 'correct'],
    ['one thousand', ['1,000'], 'correct'],
    ['2.5 million', ['2,500,000'], 'correct'],
    ['two million three hundred thousand and one', ['2300001'], 'correct'],
    ['4.5', ['4'], 'wrong'],
    ['4.5', ['5'], 'wrong'],
    ['-4 degrees', ['4'], 'wrong'],
    ['-4', ['-4'], 'correct'],
    ['1939-1945', ['1945'], 'correct'],
    ['1 2', ['12'], 'wrong'],
    ['nineteen eighty-four', ['1984'], 'correct'],
    ['two and three', ['5'], 'wrong'],
    ['the fourth', ['4th'], 'correct'],
    ['2nd', ['second'], 'correct'],
    ['twenty-first', ['21st'], 'correct'],
    ['fourth', ['4'], 'wrong'],
    ['No one', ['1'], 'wrong'],
    ['007', ['7'], 'correct'],
    ['Apollo 11', ['Apollo eleven'], 'correct'],
  ]);
});

test('dates match in any order, and only the same date', () => {
  check([
    ['July 4, 1776', ['4 July 1776'], 'correct'],
    ['on the 4th of July 1776', ['1776-07-04'], 'correct'],
    ['4 Jul 1776', ['July 4th, 1776'], 'correct'],
    ['July 5, 1776', ['4 July 1776'], 'wrong'],
    ['4 July', ['July 4'], 'correct'],
    ['July 4, 1776', ['1776'], 'correct'],
  ]);
});

test('uncertain: markers, empty responses, and markers that belong to the answer', () => {
  check([
    ["I don't know.", ['Paris'], 'uncertain'],
    ['I don’t know, maybe Paris', ['Paris'], 'uncertain'],
    ['This cannot be determined from the text', ['Paris'], 'uncertain'],
    ['No information is provided', ['Paris'], 'uncertain'],
    ['N/A', ['Paris'], 'uncertain'],
    ['Na', ['N'], 'wrong'],
    ['Na', ['Na'], 'correct'],
    ['Ana/Alice', ['Paris'], 'wrong'],
    ['I Don’t Know How to Love Him', ["I Don't Know How To Love Him"], 'correct'],
    ['You Can’t Always Get What You Want', ['Satisfaction'], 'wrong'],
    ['the unknown soldier', ['The Unknown Soldier'], 'correct'],
    ['"', ['Paris'], 'uncertain'],
    ['%', ['%', 'percent'], 'correct'],
    ['Knowing', ['no'], 'wrong'],
  ]);
  assert.equal(judgeResponse("I don't know", ['x'], { markers: [] }), 'wrong');
  assert.equal(judgeResponse('keine Ahnung!', ['x'], { markers: ['Keine Ahnung'] }), 'uncertain');
});

test('substring rule: as published, "4" is found in "40" and “ is a character', () => {
  const judge = createJudge(['4', 'Dr. Leonard Bones McCoy', 'The A'], { rule: 'substring' });
  assert.equal(judge('40'), 'correct');
  assert.equal(judge('Dr Leonard “Bones” McCoy'), 'wrong');
  assert.equal(judge('dr leonard (bones) mccoy'), 'correct');
  assert.equal(judge('five'), 'wrong', 'an alias that normalises to nothing matches nothing');
});

test('thoughts are not judged: what follows them is, and without it there is nothing to judge', async () => {
  check([
    ['<think>Lima or Cusco?</think>Cusco', ['Lima'], 'wrong'],
    ['<think>Cusco?</think>Lima', ['Lima'], 'correct'],
    ['<think>I do not know</think>Lima', ['Lima'], 'correct'],
    ['it is Lima, I recall</think>\n\nCusco', ['Lima'], 'wrong'],
    ['<think>\nOkay, the capital is Lima', ['Lima'], 'uncertain'],
    ['<think>Lima</think>', ['Lima'], 'uncertain'],
  ]);
  const fabricated = createFabricatedJudge();
  assert.equal(fabricated('<think>there is no such city</think>It is Lima'), 'wrong');
  assert.equal(fabricated('<think>it is Lima'), 'uncertain');
  const judged = await ruleJudge().judge(
    ['<think>\nOkay', '<think>Lima or Cusco?</think>Cusco'].map((response) => ({
      question: 'Capital of Peru?',
      aliases: ['Lima'],
      response,
    })),
  );
  assert.deepEqual(
    judged.map(({ verdict }) => verdict),
    ['failed', 'wrong'],
  );
});

test('the answer is looked for outside of thoughts', () => {
  const cut = (response: string) => {
    const span = answerSpan(response);
    return span && response.slice(span.start, span.end);
  };
  assert.equal(cut('<think>The answer is Lima.</think>\nThe answer is Cusco.'), 'Cusco');
  assert.equal(cut('<think>The answer is Lima.'), undefined);
  assert.equal(cut('Lima.<think>or Cusco</think>'), 'Lima');
  const letter = readLetter('<think>B?</think>The answer is C.', 4);
  assert.deepEqual(letter, { letter: 'C', start: 31, end: 32 });
  assert.equal(readLetter('<think>The answer is C.', 4), undefined);
});
