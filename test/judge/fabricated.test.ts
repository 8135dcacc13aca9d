import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFabricatedJudge } from '../../src/judge/fabricated.js';

const judge = createFabricatedJudge();

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
    'C 30 H 55 Na',
    'Na',
    '東京',
  ]) {
    assert.equal(judge(response), 'wrong', response);
  }
});

test('a response that says nothing is neither', () => {
  for (const response of ['', '  \n', '…', '???'])
    assert.equal(judge(response), 'uncertain', JSON.stringify(response));
});

test('the markers are the ones given, besides those for what does not exist', () => {
  const own = createFabricatedJudge(['pass']);
  assert.deepEqual(['Pass!', 'unknown', 'not a real place'].map(own), ['correct', 'wrong', 'correct']);
});
