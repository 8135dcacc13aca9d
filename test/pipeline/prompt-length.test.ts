import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import { openSampler } from '../../src/pipeline/open-sampler.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { makeCollectSettings } from '../../src/pipeline/settings.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import { openTiny } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

/** Prompts that do not fit into the model's context are never sampled from in silence. */
const root = temporaryFolder();
const { engine } = await openTiny(root, { architecture: 'llama', contextLength: 96 });

async function collect(promptStyle: 'few-shot' | 'plain', texts: string[]) {
  const questions = splitQuestions(
    texts.map((question, i) => ({ id: `q${i}`, question, aliases: [`a${i}`], relation: 'r' })),
    1,
  );
  const settings = makeCollectSettings({ promptStyle, seed: 1, quota: null, maxTokens: 8, samples: 2 });
  const sampler = await openSampler({ engine, questions, settings, access: {}, onNotice() {} });
  const judging = { judge: ruleJudge(), spans: ruleSpans() };
  const path = join(root, `${promptStyle}.jsonl`);
  return sampleQuestions({ sampler, judging, questions, settings, path, onProgress() {} });
}

test('few-shot prompts longer than the context are one line', async () => {
  await expectUserError(
    () => collect('few-shot', ['Who?']),
    /few-shot prompts .*context of 96: take plain prompts/,
  );
});

test('a question that is too long is left out and counted', async () => {
  const { responses } = await collect('plain', ['Who is it?', `Who ${'really '.repeat(40)}is it?`]);
  assert.equal(responses.get('q1')?.class, 'failed');
  assert.match(
    responses.get('q1')?.reason ?? '',
    /its prompt has \d+ tokens, too many for the model's context of 96/,
  );
  assert.equal(responses.get('q0')?.samples.length, 2);
});
