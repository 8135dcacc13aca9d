import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupQuestions } from '../../src/pipeline/groups.js';
import { matchClasses, mostFrequent } from '../../src/pipeline/select.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import type { Question } from '../../src/questions/types.js';

test('classes are matched within relation and split, the first ones are kept', () => {
  const item = (
    id: number,
    relation: string,
    split: 'train' | 'test',
    kind: 'faithful' | 'hallucinated',
  ) => ({
    id,
    relation,
    split,
    class: kind,
  });
  const kept = matchClasses([
    item(1, 'a', 'train', 'faithful'),
    item(2, 'a', 'train', 'faithful'),
    item(3, 'a', 'test', 'hallucinated'),
    item(4, 'a', 'train', 'hallucinated'),
    item(5, 'b', 'train', 'hallucinated'),
    item(6, 'a', 'test', 'faithful'),
    item(7, 'a', 'test', 'faithful'),
  ]);
  assert.deepEqual(
    kept.map(({ id }) => id),
    [1, 3, 4, 6],
  );
});

test('the most frequent response that agrees with the class, the first in a tie', () => {
  const sample = (text: string, verdict: 'correct' | 'wrong') => ({ text, verdict });
  const samples = [
    sample(' Lyon', 'wrong'),
    sample(' Paris', 'correct'),
    sample(' Nice', 'wrong'),
    sample(' Nice\t', 'wrong'),
    sample(' Lyon', 'wrong'),
  ];
  assert.equal(mostFrequent(samples, 'hallucinated')?.text, ' Lyon');
  assert.equal(mostFrequent(samples, 'faithful')?.text, ' Paris');
  assert.equal(mostFrequent(samples.slice(0, 1), 'faithful'), undefined);
});

const question = (id: string, text: string, answer: string, relation: string): Question => ({
  id,
  question: text,
  aliases: [answer],
  relation,
});

test('duplicates and a fact with its inverse are in one group', () => {
  const groups = groupQuestions([
    question('1', 'What is the capital of France?', 'Paris', 'capital'),
    question('2', 'What is the capital of Peru?', 'Lima', 'capital'),
    question('3', 'Of which country is Paris the capital?', 'France', 'inverse'),
    question('4', 'what is the CAPITAL of Peru', 'Lima', 'other'),
    question('5', 'Which sea borders France?', 'Mediterranean', 'sea'),
    question('2', 'Another text', 'x', 'other'),
  ]);
  assert.deepEqual(groups, ['1', '2', '1', '2', '5', '2']);
});

test('questions that differ in a symbol alone are not the same', () => {
  const groups = groupQuestions([
    question('1', 'Which country has the flag 🇵🇪?', 'Peru', 'flag'),
    question('2', 'Which country has the flag 🇵🇱?', 'Poland', 'flag'),
    question('3', 'which country has the flag 🇵🇱', 'Poland', 'flag'),
  ]);
  assert.deepEqual(groups, ['1', '2', '2']);
});

test('a short answer is not taken for a common word', () => {
  const groups = groupQuestions([
    question('1', 'What is the internet domain of India?', '.in', 'domain'),
    question('2', 'In which country is the city of Pune?', 'India', 'city'),
    question('3', 'Which country has the internet domain .in?', 'India', 'inverse'),
    question('4', 'Which element has the symbol He?', 'helium', 'symbol'),
    question('5', 'What is the symbol of helium?', 'He', 'element'),
  ]);
  assert.deepEqual(groups, ['1', '2', '1', '4', '4']);
});

test('the split halves each relation, keeps groups together and asks relations in turn', () => {
  const questions: Question[] = [];
  for (let i = 0; i < 101; i++)
    questions.push(question(`a${i}`, `Capital of land${i}?`, `city${i}`, 'capital'));
  for (let i = 0; i < 60; i++)
    questions.push(question(`b${i}`, `Country of city${i}?`, `land${i}`, 'country'));
  for (let i = 0; i < 20; i++)
    questions.push(question(`c${i}`, `Colour of thing${i}?`, `shade${i}`, 'colour'));
  const all = splitQuestions(questions, 7);
  assert.equal(new Set(all.map(({ id }) => id)).size, questions.length);
  for (const [relation, size] of [
    ['capital', 101],
    ['country', 60],
    ['colour', 20],
  ] as const) {
    const train = all.filter((one) => one.relation === relation && one.split === 'train').length;
    assert.ok(Math.abs(2 * train - size) <= 2, `${relation}: ${train} of ${size}`);
  }
  const splits = new Map<string, string>();
  for (const { group, split } of all) {
    assert.equal(splits.get(group) ?? split, split);
    splits.set(group, split);
  }
  assert.equal(splits.size, 101 + 20);
  assert.deepEqual(new Set(all.slice(0, 6).map(({ relation, split }) => `${relation} ${split}`)).size, 6);
  assert.deepEqual(splitQuestions(questions, 7), all);
  assert.notDeepEqual(
    splitQuestions(questions, 8).map(({ id }) => id),
    all.map(({ id }) => id),
  );
});

test('a preset split is kept; of a group in both halves the test questions are left out', () => {
  const preset = (id: string, text: string, answer: string, split?: 'train' | 'test'): Question => ({
    ...question(id, text, answer, 'all'),
    split,
  });
  const questions = [
    preset('1', 'What is the capital of France?', 'Paris', 'train'),
    preset('2', 'Of which country is Paris the capital?', 'France', 'test'),
    preset('3', 'what is the capital of FRANCE', 'Paris', 'test'),
    preset('4', 'Paris is the capital of what?', 'France'),
    preset('5', 'Who wrote Emma?', 'Jane Austen', 'test'),
    preset('6', 'who wrote emma?', 'Austen'),
    preset('7', 'Who wrote Ulysses?', 'James Joyce', 'train'),
  ];
  for (const seed of [1, 2, 3]) {
    const splits = new Map(splitQuestions(questions, seed).map(({ id, split }) => [id, split]));
    assert.deepEqual(
      [...splits].sort(),
      Object.entries({ 1: 'train', 4: 'train', 5: 'test', 6: 'test', 7: 'train' }),
    );
  }
});

test('questions without an accepted answer are not taken for one fact', () => {
  const made = (id: string, text: string): Question => ({ ...question(id, text, '', 'all'), aliases: [] });
  const groups = groupQuestions([
    made('1', 'Who is Ulvar?'),
    made('2', 'Who is Onda?'),
    made('3', 'who is onda'),
  ]);
  assert.deepEqual(groups, ['1', '2', '2']);
});
