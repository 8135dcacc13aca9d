import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createJudge, judgeResponse } from '../../src/judge/rule.js';
import { mentions, safeAliases } from '../../src/questions/aliases.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';

const questions = builtinQuestions();
const byId = new Map(questions.map((question) => [question.id, question]));

test('enough questions of enough kinds, each with an id, an answer and a source of a fixed version', () => {
  const relations = new Set(questions.map(({ relation }) => relation));
  assert.ok(questions.length >= 3000, `${questions.length} questions`);
  assert.ok(relations.size >= 10, `${relations.size} relations`);
  assert.equal(byId.size, questions.length, 'ids are unique');
  assert.equal(new Set(questions.map(({ question }) => question)).size, questions.length, 'asked once');
  for (const { id, question, aliases, source } of questions) {
    assert.match(source!, /^[\w-]+@\d+\.\d+\.\d+(?:, [\w-]+@\d+\.\d+\.\d+)*$/, id);
    assert.match(question, /^[\p{L}"“].*\?$/u, id);
    assert.doesNotMatch(question, /undefined|null/, id);
    assert.ok(
      aliases.length > 0 && aliases.every((alias) => alias.trim() !== '' && alias !== 'undefined'),
      id,
    );
  }
});

test('each alias is judged as correct, and none is in its question', () => {
  for (const { id, question, aliases } of questions) {
    const judge = createJudge(aliases);
    for (const alias of aliases) assert.equal(judge(alias), 'correct', `${id}: ${alias}`);
    assert.notEqual(judge(question), 'correct', id);
  }
});

test('the answer of one question is wrong for another of its relation that has none of its aliases', () => {
  for (const relation of [
    'capital',
    'country-of-capital',
    'state-of-capital',
    'element-of-symbol',
    'currency',
  ]) {
    const list = questions.filter((question) => question.relation === relation);
    const answers = [...new Set(list.map(({ aliases }) => aliases[0]))];
    for (const { id, aliases } of list) {
      const judge = createJudge(aliases);
      for (const answer of answers) {
        if (answer !== aliases[0]) assert.equal(judge(answer), 'wrong', `${id}: ${answer}`);
      }
    }
  }
});

test('known facts, with the names that people use', () => {
  const expected: [id: string, answer: string][] = [
    ['capital/US', 'Washington, D.C.'],
    ['capital/UA', 'Kiev'],
    ['capital/ZA', 'Cape Town'],
    ['country-of-capital/NL', 'Holland'],
    ['country-of-capital/GB', 'the UK'],
    ['country-of-capital/CZ', 'Czech Republic'],
    ['country-of-capital/KR', 'South Korea'],
    ['currency/JP', 'Yen'],
    ['currency/ES', 'the euro'],
    ['language/BR', ''],
    ['element-of-symbol/Al', 'aluminum'],
    ['element-symbol/Fe', 'Fe'],
    ['atomic-number/O', 'eight'],
    ['state-of-capital/CA', 'California'],
    ['president-of-number/16', 'Lincoln'],
    ['plural/ox', 'oxen'],
    ['calling-code/JM', '+1 876'],
    ['internet-domain/DE', ''],
    ['country-of-city/2644688', 'England'],
  ];
  for (const [id, answer] of expected) {
    const found = byId.get(id);
    if (answer === '') assert.equal(found, undefined, `${id} is in the examples`);
    else assert.equal(judgeResponse(answer, found?.aliases ?? []), 'correct', id);
  }
  assert.equal(byId.get('currency/MX'), undefined, '"peso" alone would be right or wrong by taste');
  assert.equal(byId.get('country-of-capital/GN'), undefined, '"Guinea" is in "Equatorial Guinea"');
});

test('the few-shot examples and what they give away are not asked', () => {
  for (const { question, answer } of FEW_SHOT) {
    for (const other of questions) {
      assert.notEqual(other.question, question);
      assert.ok(!mentions(other.question, answer), `${other.id} is given away by "${answer}"`);
    }
  }
});

test('the set is the same each time', () => {
  assert.deepEqual(builtinQuestions(), questions);
});

test('names that are part of another name are no aliases', () => {
  const safe = safeAliases([
    { id: 'guinea', name: 'Guinea', others: ['Republic of Guinea'] },
    { id: 'eq', name: 'Equatorial Guinea', others: [] },
    { id: 'south', name: 'South Korea', others: ['Republic of Korea', 'ROK'] },
    { id: 'north', name: 'North Korea', others: ["Democratic People's Republic of Korea"] },
    { id: 'ireland', name: 'Ireland', others: [] },
    { id: 'uk', name: 'United Kingdom', others: ['United Kingdom of Great Britain and Northern Ireland'] },
  ]);
  assert.deepEqual(safe.get('guinea'), []);
  assert.deepEqual(safe.get('south'), ['South Korea', 'ROK']);
  assert.deepEqual(safe.get('ireland'), ['Ireland']);
});
