import assert from 'node:assert/strict';
import { it } from 'node:test';
import { groupQuestions } from '../../src/pipeline/groups.js';
import { separateFacts } from '../../src/pipeline/intervene/known.js';
import { builtinQuestions } from '../../src/questions/builtin.js';

it('of a fact and its inverse one at most is asked, and none whose inverse was trained on', () => {
  const questions = builtinQuestions();
  const groups = groupQuestions(questions);
  const groupOf = new Map(questions.map(({ id }, i) => [id, groups[i]]));
  const trained = new Set(questions.filter((_, i) => i % 3 === 0).map(({ id }) => id));
  const facts = separateFacts({ questions, trained, seed: 1 });
  const of = facts.map(({ id }) => groupOf.get(id)!);
  assert.equal(new Set(of).size, of.length);
  const known = new Set([...trained].map((id) => groupOf.get(id)!));
  assert.deepEqual(
    of.filter((group) => known.has(group)),
    [],
  );
  // All others are there.
  assert.equal(of.length, new Set(groups.filter((group) => !known.has(group))).size);
});
