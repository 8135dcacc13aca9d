import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createJudge } from '../../src/judge/rule.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import type { Judge } from '../../src/judge/types.js';
import { askSet } from '../../src/pipeline/table/ask.js';
import { prepareSet } from '../../src/pipeline/table/set.js';
import { fakeEngine, fakeQuestions } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const questions = fakeQuestions(20, ['first']);
const settings = {
  temperature: 1,
  topK: 50,
  topP: 0.9,
  minP: 0,
  maxTokens: 50,
  promptStyle: 'few-shot' as const,
  seed: 1,
};

function ask(name: string, judge: Judge, asked = questions, quota = 100) {
  const set = prepareSet({ name: 'mine', source: 'mine.csv', questions: asked }, [], {
    seed: 1,
    limit: 1000,
  });
  const judging = { judge, spans: ruleSpans(), markers: ['unknown'] };
  const path = join(root, name);
  return askSet({ engine: fakeEngine(), set, settings, quota, judging, path, onProgress: () => {} });
}

test('a judge that cannot tell: the answer is kept, without a class', async () => {
  const unsure: Judge = {
    name: 'local:unsure',
    judge: async (items) =>
      items.map(({ aliases, response }) => ({
        verdict: response.includes('wrong 0') ? 'failed' : createJudge(aliases)(response),
        judge: 'local:unsure',
        raw: response,
      })),
  };
  const { answers } = await ask('unsure.jsonl', unsure);
  const failed = answers.filter(({ judgement }) => judgement.verdict === 'failed');
  assert.ok(failed.length > 3);
  for (const { sample, answerTokens } of failed) {
    assert.match(sample.text, /wrong 0/);
    assert.equal(answerTokens, undefined);
  }
  assert.equal(answers.length, questions.length);
});

test('answer tokens are those of the answer, behind the prompt', async () => {
  const { answers } = await ask('tokens.jsonl', ruleJudge());
  for (const { question, tokens, answerTokens, sample } of answers) {
    const { start, end } = answerTokens!;
    assert.equal(Buffer.from(tokens.slice(start, end)).toString(), sample.text.trim());
    const prompt = Buffer.from(tokens.slice(1, tokens.length - sample.tokens.length)).toString();
    assert.ok(prompt.endsWith(`Question: ${question.question}\nAnswer:`));
  }
});

test('answers that are there are used for the same wording alone; an unfinished line is asked again', async () => {
  const path = join(root, 'stored.jsonl');
  await ask('stored.jsonl', ruleJudge());
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const first = JSON.parse(lines[0]);
  const second = JSON.parse(lines[1]);
  const kept = { ...first, text: ' right from before', tokens: [...Buffer.from(' right from before')] };
  writeFileSync(path, `${JSON.stringify(kept)}\n${lines[1].slice(0, 40)}`);
  const { answers } = await ask('stored.jsonl', ruleJudge());
  const textOf = (id: string) => answers.find(({ question }) => question.id === id)!.sample.text;
  assert.equal(textOf(first.id), ' right from before');
  assert.equal(textOf(second.id), second.text);
  const reworded = questions.map((one) => (one.id === first.id ? { ...one, question: 'Another?' } : one));
  const again = await ask('stored.jsonl', ruleJudge(), reworded);
  assert.notEqual(
    again.answers.find(({ question }) => question.id === first.id)!.sample.text,
    ' right from before',
  );
});

test('about what does not exist the rule decides: saying so is right, anything else is wrong', async () => {
  const fabricated = questions.map((one) => ({ ...one, aliases: [], kind: 'fabricated' as const }));
  const never: Judge = {
    name: 'never',
    judge: async (items) => (items.length === 0 ? [] : assert.fail('asked about a made-up thing')),
  };
  const path = join(root, 'fabricated.jsonl');
  const refusal = { id: questions[0].id, question: questions[0].question, text: ' There is no such thing.' };
  const tokens = [...Buffer.from(refusal.text)];
  writeFileSync(path, `${JSON.stringify({ ...refusal, tokens, logProbability: -1, finish: 'stop' })}\n`);
  const { answers } = await ask('fabricated.jsonl', never, fabricated);
  for (const { question, judgement } of answers) {
    assert.equal(judgement.verdict, question.id === refusal.id ? 'correct' : 'wrong');
  }
});
