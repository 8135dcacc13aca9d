import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readAnswerTokens } from '../../src/exchange/answer-tokens.js';
import { gatherImport } from '../../src/exchange/gather.js';
import type { Skip } from '../../src/exchange/records.js';
import { locateAnswer } from '../../src/exchange/spell.js';

/** Real files of the published scripts, where they are at hand. */
const data = new URL('../../../../shared/data/', import.meta.url).pathname;
const skip = !existsSync(data) && 'the published files are not here';
const options = { testPaths: [], rejudge: false };

test('all 35,000 published responses are imported, with their verdicts', { skip }, async () => {
  const { questions, skipped } = await gatherImport({
    ...options,
    paths: [join(data, 'triviaqa-gemma-3-4b-samples.jsonl')],
  });
  assert.deepEqual(skipped, []);
  assert.equal(questions.length, 3500);
  const samples = questions.flatMap((question) => question.samples);
  assert.equal(samples.length, 35_000);
  assert.ok(samples.every(({ judge }) => judge === 'imported'));
  const count = (verdict: string) => samples.filter((sample) => sample.verdict === verdict).length;
  assert.equal(count('correct') + count('wrong') + count('uncertain'), 35_000);
  assert.ok(
    questions.every(
      (one) => one.class !== 'faithful' || one.samples.every(({ verdict }) => verdict === 'correct'),
    ),
  );
});

test('of 2,600 published picks, all that are one run of tokens are found', { skip }, async () => {
  const skipped: Skip[] = [];
  const items = await readAnswerTokens(join(data, 'answer-spans-gemma-3-27b.jsonl'), (one) =>
    skipped.push(one),
  );
  assert.equal(items.length, 2600);
  assert.deepEqual(skipped, []);
  const reasons = new Map<string, number>();
  for (const { response, tokens, answerTokens } of items) {
    const span = locateAnswer(response, tokens, answerTokens);
    if (typeof span === 'string') {
      reasons.set(span, (reasons.get(span) ?? 0) + 1);
      continue;
    }
    const spelled = answerTokens.join('').replace(/▁/g, ' ').trim();
    assert.equal(response.slice(span.start, span.end), spelled);
  }
  // No pick at all, and picks that leave out words in the middle.
  assert.deepEqual(Object.fromEntries(reasons), {
    'no answer tokens': 39,
    'the answer tokens are no run of the response tokens': 12,
  });
});
