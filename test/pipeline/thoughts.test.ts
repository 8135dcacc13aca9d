import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine } from '../../src/engine/index.js';
import { ruleJudge, ruleSpans } from '../../src/judge/rule-judge.js';
import { countEndings, endingNotes } from '../../src/pipeline/endings.js';
import { openSampler } from '../../src/pipeline/open-sampler.js';
import { sampleQuestions } from '../../src/pipeline/sample-questions.js';
import { makeCollectSettings } from '../../src/pipeline/settings.js';
import { splitQuestions } from '../../src/pipeline/split.js';
import { openTiny } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine, fakeQuestions } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

/** Models that think: what ends inside a thought is never labelled. */
const root = temporaryFolder();
const judging = { judge: ruleJudge(), spans: ruleSpans() };
let runs = 0;

async function collect(engine: Engine, promptStyle: 'chat' | 'few-shot', count: number) {
  const questions = splitQuestions(fakeQuestions(count), 1);
  const settings = makeCollectSettings({ promptStyle, seed: 1, quota: null, maxTokens: 8 });
  const sampler = await openSampler({ engine, questions, settings, access: {}, onNotice() {} });
  const path = join(root, `responses-${runs++}.jsonl`);
  return sampleQuestions({ sampler, judging, questions, settings, path, onProgress() {} });
}

/** The fake engine with a thought in front of each answer; it is not closed where `ends` says so. */
function thinkingEngine(ends: (request: number, index: number) => boolean): Engine {
  const engine = fakeEngine();
  return {
    ...engine,
    sample(job) {
      const numbers = new Map<string, number>();
      return engine.sample({
        ...job,
        onSample(id, sample) {
          if (!numbers.has(id)) numbers.set(id, numbers.size);
          const open = ends(numbers.get(id) ?? 0, sample.index);
          Object.assign(sample, {
            text: open ? `<think>right? ${sample.text}` : `<think>right or wrong?</think>${sample.text}`,
            finish: open ? 'length' : 'end',
          });
          return job.onSample?.(id, sample);
        },
      });
    },
  };
}

test('closed thoughts change no label', async () => {
  const { responses } = await collect(
    thinkingEngine(() => false),
    'few-shot',
    4,
  );
  const plain = await collect(fakeEngine(), 'few-shot', 4);
  for (const [id, { class: found }] of plain.responses) assert.equal(responses.get(id)?.class, found, id);
});

test('a few unfinished thoughts leave their questions out, and are counted', async () => {
  const { responses } = await collect(
    thinkingEngine((request, index) => request === 3 && index === 0),
    'few-shot',
    4,
  );
  const all = [...responses.values()];
  const hit = all.filter(({ samples }) => samples.some(({ unfinished }) => unfinished));
  assert.equal(hit.length, 1);
  assert.equal(hit[0].class, 'uncertain');
  assert.equal(countEndings(all).unfinished, 1);
  assert.match(endingNotes(all, { maxTokens: 8 })[0], /^1 of \d+ responses end inside a thought/);
});

test('many unfinished thoughts stop the run in one line', async () => {
  await expectUserError(
    () =>
      collect(
        thinkingEngine((_, index) => index === 0),
        'few-shot',
        10,
      ),
    /20 of the first 20 responses end inside a thought.*8 tokens.*--max-tokens/,
  );
});

test('a template that opens the thought itself: responses without a closing mark are unfinished', async () => {
  const chatTemplate =
    '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n<think>\n';
  const { engine } = await openTiny(root, { architecture: 'llama', chatTemplate });
  await expectUserError(() => collect(engine, 'chat', 10), /responses end inside a thought/);
});

test('answers that are cut off at the limit and count as made up are told of', () => {
  const sample = (finish: 'length' | 'end', verdict: 'wrong' | 'correct', index: number) => ({
    ...{ index, text: 'x', tokens: [1], logProbability: -1 },
    ...{ finish, verdict },
  });
  const response = (samples: ReturnType<typeof sample>[]) => ({
    ...{ id: 'a', split: 'train' as const, relation: 'r', class: 'mixed' as const, stopped: false },
    samples,
  });
  const few = [response([sample('length', 'correct', 0), sample('end', 'wrong', 1)])];
  assert.deepEqual(countEndings(few), {});
  assert.deepEqual(endingNotes(few, { maxTokens: 50 }), []);
  const many = [response([sample('length', 'wrong', 0), sample('end', 'wrong', 1)])];
  assert.deepEqual(countEndings(many), { cutOff: 1 });
  assert.match(endingNotes(many, { maxTokens: 50 })[0], /^1 of 2 responses were cut off at 50 tokens/);
});
