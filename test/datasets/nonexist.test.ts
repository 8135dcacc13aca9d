import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAMOUS } from '../../src/datasets/nonexist/famous.js';
import { mirrorQuestions, nonexistQuestions } from '../../src/datasets/nonexist/make.js';
import { KINDS } from '../../src/datasets/nonexist/templates.js';
import { openDataset } from '../../src/datasets/open.js';
import { words } from '../../src/judge/normalise.js';
import { createJudge } from '../../src/judge/rule.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import { mentions } from '../../src/questions/aliases.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';

const made = nonexistQuestions(1);
const mirror = mirrorQuestions();
const builtin = builtinQuestions();
const TITLES = ['novel-author', 'painting-painter', 'opera-composer'];

test('at least 1,000 questions of at least 8 kinds, as many of each, each once', () => {
  assert.ok(made.length >= 1000 && KINDS.length >= 8);
  for (const kind of KINDS) assert.equal(made.filter(({ relation }) => relation === kind).length, 60, kind);
  assert.equal(new Set(made.map(({ id }) => id)).size, made.length);
  assert.equal(new Set(made.map(({ question }) => question)).size, made.length);
  assert.ok(made.every(({ aliases, kind }) => aliases.length === 0 && kind === 'fabricated'));
});

test('the same seed gives the same set, another one other things', () => {
  assert.deepEqual(nonexistQuestions(1), made);
  const others = new Set(nonexistQuestions(2).map(({ question }) => question));
  assert.ok(made.filter(({ question }) => others.has(question)).length < 0.02 * made.length);
});

test('no coined word is one that the built-in sets know', () => {
  // Independent of the generator's own list: every word of every built-in question and answer, and of the mirror set.
  const real = new Set<string>();
  for (const { question, aliases } of [...builtin, ...mirror]) {
    for (const text of [question, ...aliases]) for (const word of words(text)) real.add(word);
  }
  // Words that all questions of a kind share are the template's or part of a title.
  const counts = new Map<string, number>();
  for (const { question } of made)
    for (const word of new Set(words(question))) counts.set(word, (counts.get(word) ?? 0) + 1);
  for (const { id, question, relation } of made) {
    const own = words(question).filter((word) => counts.get(word) === 1);
    const unknown = own.filter((word) => !real.has(word));
    assert.ok(unknown.length > 0, `${question} holds a coined word`);
    // A title may hold a real word that no other question has.
    if (!TITLES.includes(relation)) assert.deepEqual(own, unknown, id);
  }
});

test('the mirror set asks the same about famous things, with answers that are not given away', () => {
  assert.deepEqual(new Set(mirror.map(({ relation }) => relation)), new Set(KINDS));
  for (const kind of KINDS) assert.ok(Object.keys(FAMOUS[kind]).length >= 40, kind);
  assert.equal(new Set(mirror.map(({ id }) => id)).size, mirror.length);
  for (const { question, aliases, kind } of mirror) {
    assert.equal(kind, undefined);
    assert.ok(aliases.length > 0 && aliases.every((alias) => words(alias).length > 0), question);
    assert.ok(!aliases.some((alias) => mentions(question, alias)), `${question} holds its answer`);
    assert.ok(
      !FEW_SHOT.some((shot) => shot.question === question || mentions(question, shot.answer)),
      question,
    );
    assert.equal(createJudge(aliases)(`It is ${aliases[0]}.`), 'correct', question);
  }
});

test('where mirror and built-in questions ask the same, they agree', () => {
  const facts = new Map(builtin.map((fact) => [fact.question, fact.aliases]));
  let shared = 0;
  for (const { question, aliases } of mirror) {
    const known = facts.get(question);
    if (known === undefined) continue;
    shared++;
    const judge = createJudge(known);
    assert.ok(
      aliases.some((alias) => judge(alias) === 'correct'),
      `${question} ${aliases} ${known}`,
    );
  }
  assert.ok(shared > 20, `only ${shared} shared questions`);
});

test('both sets in one: matched kinds, halved by the run', async () => {
  const { name, questions } = await openDataset('nonexist+nonexist-mirror', { seed: 3 });
  assert.equal(name, 'nonexist-nonexist-mirror');
  assert.equal(questions.length, made.length + mirror.length);
  const split = splitQuestions(questions, 3);
  for (const kind of KINDS) {
    for (const half of ['train', 'test']) {
      const cell = split.filter((one) => one.relation === kind && one.split === half);
      const fabricated = cell.filter((one) => one.kind === 'fabricated').length;
      assert.ok(
        fabricated >= 15 && cell.length - fabricated >= 10,
        `${kind} ${half}: ${fabricated} of ${cell.length}`,
      );
    }
  }
});
