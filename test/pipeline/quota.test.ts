import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classify, decidedClass, possibleClasses, type QuestionClass } from '../../src/pipeline/classify.js';
import { type QuotaQuestion, QuotaTracker } from '../../src/pipeline/quota.js';
import { matchClasses } from '../../src/pipeline/select.js';
import { seededRandom } from '../support/random.js';

const limits = { samples: 10, minCorrect: 10, maxCorrect: 0 };

test('a question ends as soon as its samples rule out both classes', () => {
  assert.deepEqual(possibleClasses([], limits), ['faithful', 'hallucinated']);
  assert.deepEqual(possibleClasses(['correct'], limits), ['faithful']);
  assert.deepEqual(possibleClasses(['wrong', 'wrong'], limits), ['hallucinated']);
  assert.deepEqual(possibleClasses(['wrong', 'correct'], limits), []);
  assert.deepEqual(possibleClasses(['uncertain'], limits), []);
  const loose = { samples: 10, minCorrect: 8, maxCorrect: 2 };
  assert.deepEqual(possibleClasses(['wrong', 'wrong', 'correct', 'correct'], loose), [
    'faithful',
    'hallucinated',
  ]);
  assert.deepEqual(possibleClasses(['wrong', 'wrong', 'wrong', 'correct'], loose), ['hallucinated']);
});

test('the early stop never takes away a class that all samples would have given', () => {
  const random = seededRandom(5);
  for (let round = 0; round < 500; round++) {
    const loose = {
      samples: 6,
      minCorrect: 3 + Math.floor(random() * 4),
      maxCorrect: Math.floor(random() * 3),
    };
    const verdicts = Array.from({ length: 6 }, () =>
      random() < 0.05 ? ('uncertain' as const) : random() < 0.5 ? ('correct' as const) : ('wrong' as const),
    );
    const final = classify(verdicts, loose);
    for (let seen = 0; seen <= 6; seen++) {
      const possible = possibleClasses(verdicts.slice(0, seen), loose);
      if (final === 'faithful' || final === 'hallucinated') assert.ok(possible.includes(final));
      if (seen === 6) assert.deepEqual(possible, final === 'mixed' || final === 'uncertain' ? [] : [final]);
    }
  }
});

test('a question given up because its class was full has no class', () => {
  assert.equal(decidedClass(['correct', 'correct'], limits), undefined);
  assert.equal(decidedClass(['correct', 'wrong'], limits), 'mixed');
  assert.equal(decidedClass(['correct', 'uncertain'], limits), 'uncertain');
  assert.equal(decidedClass(new Array(10).fill('wrong'), limits), 'hallucinated');
});

/** Asks all questions, `width` at a time, finished in an order that `random` decides; gives up what the tracker lets go. */
function simulate(
  questions: QuotaQuestion[],
  truth: QuestionClass[],
  quota: number | null,
  random: () => number,
  width: number,
): { taken: number[]; finished: number } {
  const tracker = new QuotaTracker(questions, quota);
  const open: number[] = [];
  let cursor = 0;
  let finished = 0;
  for (;;) {
    while (open.length < width && cursor < questions.length) open.push(cursor++);
    if (open.length === 0) return { taken: tracker.taken(), finished };
    const [index] = open.splice(Math.floor(random() * open.length), 1);
    const outcome = truth[index];
    const isClass = outcome === 'faithful' || outcome === 'hallucinated';
    if (isClass && tracker.isFull(index, outcome)) tracker.record(index, 'full');
    else {
      tracker.record(index, outcome);
      if (isClass) finished++;
    }
  }
}

function makeWorld(random: () => number): { questions: QuotaQuestion[]; truth: QuestionClass[] } {
  const relations = ['a', 'b', 'c', 'd', 'e'];
  const odds = relations.map(() => ({ faithful: random() * random(), hallucinated: random() }));
  const questions: QuotaQuestion[] = [];
  const truth: QuestionClass[] = [];
  for (let i = 0; i < 600; i++) {
    const relation = Math.floor(random() * relations.length);
    questions.push({ relation: relations[relation], split: random() < 0.5 ? 'train' : 'test' });
    const draw = random();
    const { faithful, hallucinated } = odds[relation];
    truth.push(draw < faithful ? 'faithful' : draw < faithful + hallucinated ? 'hallucinated' : 'mixed');
  }
  return { questions, truth };
}

test('which questions are taken depends on neither timing nor width nor what was given up', () => {
  const random = seededRandom(11);
  let savings = 0;
  for (let world = 0; world < 40; world++) {
    const { questions, truth } = makeWorld(random);
    const quota = 5 + Math.floor(random() * 40);
    const inOrder = simulate(questions, truth, quota, () => 0, 1);
    for (const width of [2, 9, 64]) {
      const result = simulate(questions, truth, quota, random, width);
      assert.deepEqual(result.taken, inOrder.taken, `world ${world}, width ${width}`);
    }
    savings += truth.filter((kind) => kind !== 'mixed').length - inOrder.finished;
  }
  assert.ok(savings > 40 * 50, `quotas save work: ${savings}`);
});

test('a split stops at its quota, no relation fills more than its share', () => {
  const questions: QuotaQuestion[] = [];
  const truth: QuestionClass[] = [];
  for (let i = 0; i < 4000; i++) {
    questions.push({ relation: `r${i % 10}`, split: i % 20 < 10 ? 'train' : 'test' });
    truth.push(Math.floor(i / 20) % 2 === 0 ? 'faithful' : 'hallucinated');
  }
  const { taken } = simulate(questions, truth, 40, () => 0, 1);
  const items = taken.map((index) => ({
    ...questions[index],
    class: truth[index] as 'faithful' | 'hallucinated',
  }));
  const matched = matchClasses(items);
  for (const split of ['train', 'test'])
    assert.equal(matched.filter((one) => one.split === split).length, 80);
  for (let r = 0; r < 10; r++) {
    const share = matched.filter((one) => one.relation === `r${r}` && one.split === 'train').length;
    assert.ok(share <= 2 * 10, `relation ${r} has ${share}`);
  }
});

test('a single relation can fill the whole quota', () => {
  const questions: QuotaQuestion[] = Array.from({ length: 400 }, (_, i) => ({
    relation: 'general',
    split: i % 4 < 2 ? 'train' : 'test',
  }));
  const truth = questions.map((_, i): QuestionClass => (i % 2 === 0 ? 'faithful' : 'hallucinated'));
  assert.equal(simulate(questions, truth, 50, () => 0, 1).taken.length, 200);
});

test('without a quota every question with a class is taken', () => {
  const { questions, truth } = makeWorld(seededRandom(3));
  const wanted = truth.flatMap((kind, i) => (kind === 'faithful' || kind === 'hallucinated' ? [i] : []));
  assert.deepEqual(simulate(questions, truth, null, seededRandom(4), 20).taken, wanted);
});

test('a relation without one of the classes is left after a while', () => {
  const questions: QuotaQuestion[] = Array.from({ length: 300 }, () => ({
    relation: 'hard',
    split: 'train',
  }));
  const tracker = new QuotaTracker(questions, 100);
  for (let i = 0; i < 30; i++) {
    assert.equal(tracker.isFull(i, 'faithful'), false);
    tracker.record(i, i % 2 === 0 ? 'hallucinated' : 'mixed');
  }
  assert.equal(tracker.isFull(30, 'faithful'), true);
  assert.equal(tracker.isFull(30, 'hallucinated'), true);
});

test('a class is full when it runs far ahead of the other, or at the share of its relation', () => {
  const questions: QuotaQuestion[] = Array.from({ length: 90 }, (_, i) => ({
    relation: i < 60 ? 'a' : `other ${i}`,
    split: 'train',
  }));
  const ahead = new QuotaTracker(questions, 100);
  for (let i = 0; i < 8; i++) ahead.record(i, 'hallucinated');
  assert.equal(ahead.isFull(8, 'hallucinated'), true);
  assert.equal(ahead.isFull(8, 'faithful'), false);
  // Question 8 is still open and could be faithful: then question 9 would be wanted.
  assert.equal(ahead.isFull(9, 'hallucinated'), false);

  // One relation may fill seven of twenty.
  const share = new QuotaTracker(questions, 20);
  for (let i = 0; i < 12; i++) share.record(i, i % 2 === 0 ? 'hallucinated' : 'faithful');
  assert.equal(share.isFull(14, 'hallucinated'), false);
  for (let i = 12; i < 14; i++) share.record(i, i % 2 === 0 ? 'hallucinated' : 'faithful');
  assert.equal(share.isFull(14, 'hallucinated'), true);
  assert.equal(share.isFull(60, 'hallucinated'), false);
});
