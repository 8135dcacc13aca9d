import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeResponse } from '../../src/judge/rule.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { factParts, MULTI_FACT_SHOTS, multiFactPrompts } from '../../src/questions/multi-fact.js';

const prompts = multiFactPrompts();
const facts = (answer: string, labels: string[]) =>
  factParts(
    answer,
    labels.map((label) => ({ id: label, label, aliases: [] })),
  ).map((part) => part && answer.slice(part.start, part.end));

test('each prompt asks for the facts that are built in, and no worked example gives one away', () => {
  assert.ok(prompts.length > 150, String(prompts.length));
  const known = new Map(builtinQuestions().map((question) => [question.id, question]));
  for (const { question, facts } of prompts) {
    assert.ok(facts.length >= 2);
    for (const { id, label, aliases } of facts) {
      assert.deepEqual(aliases, known.get(id)?.aliases);
      assert.match(question, new RegExp(`\\b${label}\\b`));
      assert.equal(judgeResponse(question, aliases), 'wrong', `${question} holds its answer`);
    }
    assert.ok(!MULTI_FACT_SHOTS.some((shot) => shot.question === question));
  }
  const france = prompts.find(({ id }) => id === 'facts/FR');
  assert.equal(france?.question, 'Give the currency and language of France.');
  const japan = prompts.find(({ id }) => id === 'facts/JP')!;
  assert.equal(japan.question, 'Give the capital, currency and language of Japan.');
  assert.ok(japan.facts[1].aliases.includes('yen'));
  assert.equal(new Set(prompts.map(({ question }) => question)).size, prompts.length);
});

test('facts are found behind their labels, in any order, and missed where they are not there', () => {
  const labels = ['capital', 'currency', 'language'];
  assert.deepEqual(facts('capital: Lima; currency: sol; language: Spanish', labels), [
    'Lima',
    'sol',
    'Spanish',
  ]);
  assert.deepEqual(facts('Language: Quechua\nCapital = Lima', labels), ['Lima', undefined, 'Quechua']);
  assert.deepEqual(facts('the capital is Lima', labels), [undefined, undefined, undefined]);
  assert.deepEqual(facts('', labels), [undefined, undefined, undefined]);
});
