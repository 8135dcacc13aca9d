import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeOf } from '../../src/judge/of-question.js';

const judge = judgeOf({ aliases: [], kind: 'fabricated' });

test('not knowing a thing that does not exist is right', () => {
  for (const response of [
    "I don't know.",
    'I have never heard of Velorannis.',
    'There is no city called Drasburg.',
    'Velorannis does not exist.',
    'Quelmere appears to be a fictional place.',
    'It isn’t a real drug',
    'No such battle took place.',
    'I’m not familiar with that novel. Could you provide more context?',
    'That seems to be a made-up word.',
    'I could not find any information about it.',
    'None',
    'Nobody',
    'N/A',
    "I'm sorry, but there doesn't seem to be a species of that name.",
  ]) {
    assert.equal(judge(response), 'correct', response);
  }
});

test('a specific answer is made up, whatever it is', () => {
  for (const response of [
    'Hungary',
    '1746',
    'It was written by Knut Halvorsen in 1911.',
    'Real Madrid',
    'It was invented by a Norwegian.',
    'Fiction House',
    'C12H22O11',
    '東京',
  ]) {
    assert.equal(judge(response), 'wrong', response);
  }
});

test('a response that says nothing is neither', () => {
  for (const response of ['', '  \n', '…', '???'])
    assert.equal(judge(response), 'uncertain', JSON.stringify(response));
});

test('other questions are judged by their answers, and the markers are the ones given', () => {
  const open = judgeOf({ aliases: ['Paris'] });
  assert.deepEqual(['Paris', 'Rome', 'unknown'].map(open), ['correct', 'wrong', 'uncertain']);
  const own = judgeOf({ aliases: [], kind: 'fabricated' }, { markers: ['pass'] });
  assert.deepEqual(['Pass!', 'unknown', 'not a real place'].map(own), ['correct', 'wrong', 'correct']);
});
