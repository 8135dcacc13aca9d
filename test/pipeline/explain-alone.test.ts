import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Engine, SampleRequest } from '../../src/engine/index.js';
import { measureAlone } from '../../src/pipeline/explain/alone.js';
import { openAnswers } from '../../src/pipeline/intervene/answers.js';
import { builtinQuestions } from '../../src/questions/builtin.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const answers = new Map(builtinQuestions().map(({ question, aliases }) => [question, aliases[0]]));

/**
 * Knows every fact; believes a passage against it where the question's length is a multiple of four, without neuron 7 of two, and
 * without neuron 8 as it is.
 */
function believer(asked: string[], most = Number.POSITIVE_INFINITY): Engine {
  const reply = ({ prompt }: SampleRequest, off: number | undefined) => {
    const last = Buffer.from(Array.from(prompt).filter((token) => token < 256))
      .toString()
      .split('\n\n')
      .at(-1)!;
    const question = /Question: (.*)\nAnswer:$/.exec(last)![1];
    const passage = /reference book\. (.*)\. The book/.exec(last)?.[1];
    if (passage !== undefined) asked.push(`${off} ${question}`);
    const believes = passage !== undefined && question.length % (off === 7 ? 2 : 4) === 0;
    return ` ${believes ? passage : answers.get(question)}`;
  };
  return {
    ...fakeEngine(),
    async sample(job) {
      const { steering } = job.settings;
      assert.ok(steering === undefined || (steering.alpha === 0 && steering.neurons.length === 1));
      for (let request = job.next(); request; request = job.next()) {
        if (asked.length >= most) throw new Error('cut off');
        const text = reply(request, steering?.neurons[0]);
        const sample = { index: 0, tokens: [1], text, finish: 'stop' as const, logProbability: 0 };
        job.onResult({ id: request.id, samples: [sample], stopped: false });
      }
      return { questions: 0, samples: 0, sampledTokens: 0, decodedRows: 0, promptRows: 0 };
    },
  };
}

async function measure(engine: Engine, name: string, neurons = [8, 7], seen: number[][] = []) {
  const store = await openAnswers(join(folder, name), 'model', 1);
  try {
    return await measureAlone({
      engine,
      store,
      neurons,
      trained: new Set(),
      promptKind: 'few-shot',
      count: 40,
      seed: 1,
      onFacts: () => {},
      onAnswer: (done, total) => seen.push([done, total]),
    });
  } finally {
    store.close();
  }
}

test('each neuron is off alone, and compared item by item with the model as it is', async () => {
  const seen: number[][] = [];
  const asked: string[] = [];
  const { benchmark, alone } = await measure(believer(asked), 'whole.jsonl', [8, 7], seen);
  const questions = asked.slice(0, 40).map((line) => line.replace('undefined ', ''));
  const multiples = (of: number) => questions.filter(({ length }) => length % of === 0).length;
  assert.equal(benchmark.items, 40);
  assert.equal(benchmark.complies.estimate, multiples(4) / 40);
  const [same, more] = alone;
  assert.deepEqual([same.gained, same.lost, same.p, same.change.estimate], [0, 0, 1, 0]);
  const gained = multiples(2) - multiples(4);
  assert.ok(gained > 5);
  assert.deepEqual([more.gained, more.lost, more.change.estimate], [gained, 0, gained / 40]);
  assert.equal(more.complies.estimate, multiples(2) / 40);
  assert.ok(more.p < 0.05 && more.change.low > 0);
  assert.deepEqual(seen[0], [0, 120]);
  assert.deepEqual(seen.at(-1), [120, 120]);
});

test('cut off, it goes on with what is missing; another neuron shares the plain answers', async () => {
  const whole = await measure(believer([]), 'whole.jsonl');
  await assert.rejects(measure(believer([], 55), 'cut.jsonl'), /cut off/);
  const path = join(folder, 'cut.jsonl');
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, -10));
  const asked: string[] = [];
  assert.deepEqual(await measure(believer(asked), 'cut.jsonl'), whole);
  assert.equal(asked.length, 120 - 54);
  asked.length = 0;
  await measure(believer(asked), 'cut.jsonl', [9]);
  assert.equal(asked.length, 40);
});
