import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  casePlan,
  pairPlan,
  planBlocks,
  planPrefix,
  type ReadableCase,
} from '../../src/pipeline/read-plan.js';
import { shardRange } from '../../src/pipeline/shards.js';
import { seededRandom } from '../support/random.js';

const shared = Array.from({ length: 30 }, (_, i) => i);

function someCases(count: number, seed: number): ReadableCase[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const own = 3 + Math.floor(random() * 60);
    const token_ids = [...shared, ...Array.from({ length: own }, (_, k) => 100 + ((i + k) % 7))];
    const answer_start = token_ids.length - 2;
    const known = i % 5 !== 0;
    return {
      id: String(i),
      token_ids,
      answer_start,
      answer_end: token_ids.length,
      question_start: known ? 30 : null,
      question_end: known ? answer_start : null,
    };
  });
}

test('the prefix ends where sequences part, or where the first mask begins', () => {
  const plan = (cases: ReadableCase[]) => casePlan(cases, { question: true, residual: true });
  const cases = someCases(10, 1);
  assert.equal(planPrefix(plan(cases)).length, 30);
  // All questions begin with the same words: these belong to the question, and must not be summed up with the prompt.
  const early = cases.map((one) => ({ ...one, question_start: one.question_start === null ? null : 12 }));
  assert.deepEqual([...planPrefix(plan(early))], shared.slice(0, 12));
  assert.equal(planPrefix(casePlan(early, { question: false, residual: true })).length, 30);
  assert.equal(planPrefix(plan([])).length, 0);
});

test('masks are the answer, all else, and the question where it is known', () => {
  const [unknown, known] = someCases(2, 2);
  const { rows, tensors } = casePlan([unknown, known], { question: true, residual: false });
  assert.deepEqual(tensors, ['answer', 'other', 'question']);
  const { answer_start, answer_end, question_end } = known;
  const answer = [[answer_start, answer_end]];
  const other = [
    [0, answer_start],
    [answer_end, known.token_ids.length],
  ];
  assert.deepEqual(rows[1][0].masks, [answer, other, [[30, question_end]]]);
  assert.deepEqual(rows[0][0].masks[2], []);
  const pairs = pairPlan([{ right: unknown, wrong: known }]);
  assert.deepEqual(
    pairs.rows[0].map(({ into }) => into[0]),
    ['right', 'wrong'],
  );
  assert.deepEqual(pairs.rows[0][1].masks, [answer]);
});

test('blocks cover the rows in order, and shards of any number are whole blocks, each in one shard', () => {
  for (const count of [0, 1, 7, 400]) {
    const cases = someCases(count, count);
    const plan = casePlan(cases, { question: true, residual: false });
    const blocks = planBlocks(plan, planPrefix(plan).length);
    let at = 0;
    for (const [from, to] of blocks) {
      assert.equal(from, at);
      assert.ok(to > from);
      at = to;
    }
    assert.equal(at, count);
    if (count === 400) assert.ok(blocks.length > 8, `${blocks.length} blocks`);
    const starts = new Set([...blocks.map(([from]) => from), count]);
    for (const shards of [1, 2, 3, 8, 50]) {
      let end = 0;
      for (let index = 0; index < shards; index++) {
        const [from, to] = shardRange(plan, { index, count: shards });
        assert.equal(from, end);
        assert.ok(starts.has(from) && starts.has(to) && to >= from);
        end = to;
      }
      assert.equal(end, count);
    }
  }
});
