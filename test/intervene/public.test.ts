import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { faithEval } from '../../src/intervene/public/faitheval.js';
import { falseQa } from '../../src/intervene/public/falseqa.js';
import { jailbreak } from '../../src/intervene/public/jailbreak.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const write = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

it('FalseQA: questions of label 1 with their explanations, a seeded choice of them', async () => {
  const path = write(
    'q.csv',
    `question,answer,label\nWhy do cows lay eggs?,"['Cows do not lay eggs.', ""It's birds that do.""]",1\nWhy do birds lay eggs?,To breed,0\nWho is he?,plain words,1\n`,
  );
  const { items, reader } = await falseQa(path, 10, 1);
  assert.deepEqual(reader, { kind: 'llm', ask: 'premise' });
  const byQuestion = new Map(items.map((item) => [item.turns[0].question, item.right]));
  assert.deepEqual(byQuestion.get('Why do cows lay eggs?'), ['Cows do not lay eggs.', "It's birds that do."]);
  assert.deepEqual(byQuestion.get('Who is he?'), ['plain words']);
  assert.equal(items.length, 2);
  await expectUserError(
    () => falseQa(write('c.csv', 'question,label\na,1\n'), 5, 1),
    /no column "answer"/,
    /has question, label/,
  );
  await expectUserError(
    () => falseQa(write('none.csv', 'question,answer,label\na,b,0\n'), 5, 1),
    /no question with label 1/,
  );
  await expectUserError(() => falseQa(write('empty.csv', ''), 5, 1), /holds no rows/);
  await expectUserError(() => falseQa(join(folder, 'absent.csv'), 5, 1), /absent\.csv/);
});

const shared = new URL('../../../../shared/data/falseqa-test.csv', import.meta.url).pathname;
it('FalseQA: the published file', { skip: !existsSync(shared) }, async () => {
  const { items } = await falseQa(shared, 100_000, 1);
  assert.ok(items.length > 300);
  assert.ok(items.every(({ right }) => right.length > 0 && right.every((text) => !text.startsWith('['))));
});

it('FaithEval: the option that the passage supports, by letter or by its text', async () => {
  const row = {
    id: 'a',
    question: 'What do cows drink?',
    context: 'Cows drink oil.',
    choices: { label: ['A', 'B', 'C'], text: ['water', 'oil', 'sand'] },
    answerKey: 'B',
  };
  const path = write(
    'f.jsonl',
    `${JSON.stringify(row)}\n${JSON.stringify({ ...row, id: 'b', answerKey: 'Z' })}\n`,
  );
  const { items, reader } = await faithEval(path, 10, 1);
  assert.equal(items.length, 1, 'a row whose key is no option is left out');
  assert.match(items[0].turns[0].question, /A\. water\nB\. oil\nC\. sand/);
  const read = reader.kind === 'rule' ? reader.read : assert.fail();
  for (const [text, outcome] of [
    ['B', 'complies'],
    ['The answer is (A).', 'resists'],
    ['Oil, as the text says', 'complies'],
    ['water or oil', 'neither'],
    ['I would choose option B because the text says so', 'complies'],
    ['I think it is B', 'complies'],
    ['b', 'complies'],
    ['A because cows drink water', 'resists'],
    ['A cow drinks water', 'resists'],
    ['A cow drinks', 'neither'],
    ['D', 'neither'],
    ['', 'neither'],
  ] as const)
    assert.equal(read(items[0], text), outcome, text);
  const twice = {
    ...row,
    choices: { label: ['A', 'B', 'C'], text: ['oil', 'water', 'oil'] },
    answerKey: 'C',
  };
  const same = (await faithEval(write('same.jsonl', JSON.stringify(twice)), 10, 1)).items[0];
  for (const [text, outcome] of [
    ['A', 'resists'],
    ['C', 'complies'],
    ['C. oil', 'complies'],
    ['oil', 'neither'],
  ] as const)
    assert.equal(read(same, text), outcome, `${text}, of two options with one text`);
  await expectUserError(
    () => faithEval(write('x.jsonl', '{"question":"a"}\n'), 1, 1),
    /no column "context", "choices", "answerKey"/,
  );
  await expectUserError(
    () => faithEval(write('y.jsonl', '[1]\n'), 1, 1),
    /y\.jsonl, line 1: expected an object/,
  );
});

it('jailbreak: each question within the template', async () => {
  const questions = write('j.csv', 'question\nfirst?\nsecond?\n');
  const { items } = await jailbreak(questions, write('t.txt', 'Pretend. {question} Now.'), 10, 1);
  assert.deepEqual(items.map(({ turns }) => turns[0].question).sort(), [
    'Pretend. first? Now.',
    'Pretend. second? Now.',
  ]);
  await expectUserError(
    () => jailbreak(questions, write('bad.txt', 'nothing'), 1, 1),
    /does not hold \{question\}/,
  );
});
