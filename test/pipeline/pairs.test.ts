import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ruleSpans } from '../../src/judge/rule-judge.js';
import { makePairs, readPairs } from '../../src/pipeline/pairs.js';
import type { Response, ResponseSample } from '../../src/pipeline/responses.js';
import type { Sampler } from '../../src/pipeline/sampler.js';
import { drawnSequences } from '../../src/pipeline/sampler.js';
import type { SplitQuestion } from '../../src/pipeline/split.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const engine = fakeEngine();
const prompt = Buffer.from('Q\nAnswer:');
const sampler: Sampler = {
  sample: async () => undefined,
  sequences: (items) =>
    drawnSequences(
      engine,
      items.map(({ sample }) => ({ prompt, sample })),
    ),
};

function question(id: string, more: Partial<SplitQuestion> = {}): SplitQuestion {
  const base = { question: `Which ${id}?`, aliases: ['right'], relation: 'r', split: 'test' as const };
  return { id, group: id, ...base, ...more };
}

/** `+text` is a right sample, `-text` a wrong one, `?text` an uncertain one. */
function response(id: string, texts: string[], more: Partial<Response> = {}): [string, Response] {
  const verdicts = { '+': 'correct', '-': 'wrong', '?': 'uncertain' } as const;
  const samples = texts.map((marked, index): ResponseSample => {
    const text = ` ${marked.slice(1)}`;
    const verdict = verdicts[marked[0] as '+'];
    return {
      index,
      text,
      tokens: [...Buffer.from(text)],
      verdict,
      logProbability: -1,
      endLogProbability: 0,
      finish: 'stop',
    };
  });
  return [id, { id, split: 'test', relation: 'r', class: 'mixed', stopped: true, samples, ...more }];
}

const make = (questions: SplitQuestion[], responses: [string, Response][], quota = 200) =>
  makePairs(sampler, ruleSpans(), questions, new Map(responses), quota);

test('a pair is the most frequent right and the most frequent wrong answer to a mixed test question', async () => {
  const [pair] = await make(
    [question('a')],
    [response('a', ['-cats', '+right', '-dogs.', '-dogs.', '+right one', '+right one'])],
  );
  assert.equal(pair.right.response, ' right one');
  assert.equal(pair.wrong.response, ' dogs.');
  for (const [side, text] of [
    [pair.right, 'right one'],
    [pair.wrong, 'dogs'],
  ] as const) {
    assert.equal(side.answer, text);
    const { token_ids, answer_start, answer_end, response_start } = side;
    assert.equal(Buffer.from(token_ids).toString(), `Q\nAnswer:${side.response}`);
    assert.equal(Buffer.from(token_ids.slice(answer_start, answer_end)).toString(), text);
    assert.equal(response_start, prompt.length);
    assert.equal(side.mean_log_probability, -1 / side.response.length);
  }
});

test('training questions, their groups, and questions without both kinds of answers give no pair', async () => {
  const questions = [
    question('train', { split: 'train' }),
    question('twin', { group: 'train' }),
    question('sure'),
    question('doubt'),
    question('one-sided'),
    question('unasked'),
    question('no-answer'),
    question('good'),
  ];
  const both = ['+right', '-wrong'];
  const pairs = await make(questions, [
    response('train', both),
    response('twin', both),
    response('sure', both, { class: 'faithful' }),
    response('doubt', both, { class: 'uncertain' }),
    response('one-sided', ['+right', '+right']),
    response('no-answer', ['+right', '-...']),
    response('good', both),
  ]);
  assert.deepEqual(
    pairs.map(({ id }) => id),
    ['good'],
  );
});

test('the quota is filled with the first questions, those without an answer replaced by later ones', async () => {
  const questions = ['a', 'b', 'c', 'd', 'e'].map((id) => question(id));
  const responses = questions.map(({ id }) => response(id, ['+right', id === 'b' ? '-?!' : '-wrong']));
  const ids = async (quota: number) => (await make(questions, responses, quota)).map(({ id }) => id);
  assert.deepEqual(await ids(3), ['a', 'c', 'd']);
  assert.deepEqual(await ids(0), []);
  assert.deepEqual(await ids(9), ['a', 'c', 'd', 'e']);
});

test('what the tokenizer cannot spell is not taken for an answer', async () => {
  const [id, mixed] = response('a', ['+right', '-wrong', '-wrong', '-other']);
  for (const sample of mixed.samples.slice(1, 3)) sample.unreadable = true;
  const [pair] = await make([question('a')], [[id, mixed]]);
  assert.equal(pair.wrong.answer, 'other');
});

test('a broken line of pairs.jsonl is named', async () => {
  const path = join(root, 'pairs.jsonl');
  writeFileSync(path, '{"id": "a"}\n');
  await expectUserError(() => readPairs(path), /pairs\.jsonl, line 1: .*run collect again/);
});
