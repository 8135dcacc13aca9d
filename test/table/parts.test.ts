import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { selectMatched } from '../../src/pipeline/table/matched.js';
import { prepareSet, withMirror } from '../../src/pipeline/table/set.js';
import { leaveOutTrained, readTrainingQuestions } from '../../src/pipeline/table/unseen.js';
import type { Question } from '../../src/questions/types.js';
import { expectUserError } from '../support/expect-user-error.js';
import { someFigures } from '../support/table.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

const question = (id: string, text: string, alias: string, more: Partial<Question> = {}): Question => ({
  id,
  question: text,
  aliases: [alias],
  relation: 'all',
  ...more,
});

test('what the detector was trained on is left out: the wording, and a fact under its inverse', () => {
  const training = [
    question('a', 'What is the capital of France?', 'Paris'),
    question('b', 'Who wrote the play "Hamlet"?', 'Shakespeare'),
  ];
  const { kept, trained } = leaveOutTrained(
    [
      question('1', 'what is the CAPITAL of  France', 'paris'),
      question('2', 'Paris is the capital of which country?', 'France'),
      // The same id in another set means nothing.
      question('a', 'What is the capital of Peru?', 'Lima'),
      question('4', 'Who wrote the play "Macbeth"?', 'Shakespeare'),
    ],
    training,
  );
  assert.deepEqual(
    kept.map(({ id }) => id),
    ['a', '4'],
  );
  assert.equal(trained, 2);
});

test('training questions are read from a run, and a file that is something else is refused', async () => {
  const path = join(root, 'questions.jsonl');
  const line = (split: string, id: string) =>
    `${JSON.stringify({ ...question(id, `${id}?`, 'x'), split, group: id })}\n`;
  writeFileSync(path, line('train', 'a') + line('test', 'b'));
  assert.deepEqual(
    (await readTrainingQuestions(path))!.map(({ id }) => id),
    ['a'],
  );
  assert.equal(await readTrainingQuestions(join(root, 'none.jsonl')), undefined);
  writeFileSync(path, `${line('train', 'a')}{"question": "b?"}\n`);
  await expectUserError(
    () => readTrainingQuestions(path),
    /questions\.jsonl, line 2: not a question of a run/,
  );
});

test('nothing left to ask, and multiple choice, are refused with a reason', async () => {
  const one = question('1', 'What is the capital of France?', 'Paris');
  const options = { seed: 1, limit: 10 };
  await expectUserError(
    async () => prepareSet({ name: 'mine', source: 'mine.csv', questions: [one] }, [one], options),
    /trained on all 1 questions of mine/,
  );
  const choice = question('2', 'Which?', 'A', { kind: 'choice', options: ['x', 'y'] });
  await expectUserError(
    async () => prepareSet({ name: 'mmlu', source: 'hub', questions: [choice] }, [], options),
    /mmlu is multiple choice/,
  );
});

test('the order of asking is the same for a seed, kinds take turns, and the limit cuts it', () => {
  const questions = ['x', 'y'].flatMap((relation) =>
    Array.from({ length: 20 }, (_, i) => question(`${relation}${i}`, `${relation} ${i}?`, 'z', { relation })),
  );
  const order = (seed: number, limit = 40) =>
    prepareSet({ name: 'm', source: 'm', questions }, [], { seed, limit }).questions.map(({ id }) => id);
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
  assert.deepEqual(order(1, 7), order(1).slice(0, 7));
  assert.deepEqual(
    order(1).map((id) => id[0]),
    Array.from({ length: 40 }, (_, i) => 'xy'[i % 2]),
  );
});

test('matched within each kind, from the shortest beginning that is enough', () => {
  const items = [
    ...['faithful', 'faithful', 'hallucinated'].map((kind, i) => ({
      relation: 'x',
      class: kind,
      id: `x${i}`,
    })),
    ...['hallucinated', 'hallucinated', 'faithful', 'faithful'].map((kind, i) => ({
      relation: 'y',
      class: kind,
      id: `y${i}`,
    })),
    { relation: 'z', class: 'faithful', id: 'z0' },
  ] as { relation: string; class: 'faithful' | 'hallucinated'; id: string }[];
  const ids = (quota: number) => selectMatched(items, quota).map(({ id }) => id);
  assert.deepEqual(ids(100), ['x0', 'x2', 'y0', 'y1', 'y2', 'y3']);
  assert.deepEqual(ids(1), ['x0', 'x2']);
  assert.deepEqual(ids(2), ['x0', 'x2', 'y0', 'y2']);
  // What was asked beyond the quota changes nothing.
  assert.deepEqual(
    selectMatched(items.slice(0, 6), 2).map(({ id }) => id),
    ids(2),
  );
});

test('made-up things are compared with what is real in the same template, and with refusals', () => {
  const made = question('m1', 'Where is Xyzzy?', '', { aliases: [], kind: 'fabricated', relation: 'where' });
  const real = question('m1', 'Where is Oslo?', 'Norway', { relation: 'where' });
  const sets = withMirror([
    { name: 'nonexist', source: 'built-in', questions: [made] },
    { name: 'facts', source: 'built-in', questions: [real] },
    { name: 'nonexist-mirror', source: 'built-in', questions: [real] },
  ]);
  assert.deepEqual(
    sets.map(({ name, source, questions }) => [name, source, questions.map(({ id }) => id)]),
    [
      ['nonexist', 'built-in', ['m1', 'mirror/m1']],
      ['facts', 'built-in', ['m1']],
    ],
  );
  const { rows } = prepareSet(sets[0], [], { seed: 1, limit: 10 });
  const table = rows.map(({ name, classOf }) => [
    name,
    ...[true, false].flatMap((fabricated) =>
      (['correct', 'wrong', 'uncertain', 'failed'] as const).map((verdict) =>
        classOf({ fabricated, verdict }),
      ),
    ),
  ]);
  const none = [undefined, undefined];
  assert.deepEqual(table, [
    ['nonexist (vs. mirror)', undefined, 'hallucinated', ...none, 'faithful', undefined, ...none],
    ['nonexist (vs. refusals)', 'faithful', 'hallucinated', ...none, undefined, undefined, ...none],
  ]);
  const alone = prepareSet({ name: 'mine', source: 'f', questions: [made] }, [], { seed: 1, limit: 10 });
  assert.deepEqual(
    alone.rows.map(({ name }) => name),
    ['mine (vs. refusals)'],
  );
});

test('figures: the log-probability counts reversed, and differences are those of the AUROCs', () => {
  const figures = someFigures({ signal: 2, random: 0.5, logProbability: 1 });
  assert.ok(figures.auroc.estimate > 0.9);
  assert.ok(figures.logProbability.auroc.estimate > 0.65, 'low probability speaks for made up');
  const runs = figures.random!.runs.map((run) => run.auroc);
  const mean = runs.reduce((sum, value) => sum + value, 0) / runs.length;
  assert.ok(Math.abs(figures.random!.difference.auroc.estimate - (figures.auroc.estimate - mean)) < 1e-12);
  assert.ok(
    Math.abs(
      figures.logProbability.difference.estimate -
        (figures.auroc.estimate - figures.logProbability.auroc.estimate),
    ) < 1e-12,
  );
  assert.equal(figures.random!.auroc.low, Math.min(...runs));
  assert.deepEqual(someFigures({ signal: 2, random: 0.5, logProbability: 1 }), figures);
});
