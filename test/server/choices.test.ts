import assert from 'node:assert/strict';
import { test } from 'node:test';
import type OpenAI from 'openai';
import type { AnswerRisk } from '../../src/risk/index.js';
import { temporaryFolder } from '../support/temporary.js';
import { metric, startTiny, TEMPLATE } from './support.js';

const folder = temporaryFolder();
const detector = { promptStyle: 'chat' } as const;
const server = await startTiny(folder, { tiny: { chatTemplate: TEMPLATE }, detector });
// With this calibration every answer is risky.
const risky = await startTiny(folder, { detector: { calibration: { slope: 0, intercept: 5 } } });
const messages = [{ role: 'user' as const, content: 'What is the capital of Peru?' }];

type Wish = OpenAI.ChatCompletionCreateParamsNonStreaming;
const wish = (more: object) => ({ model: 'tiny', messages, max_tokens: 3, ...more }) as Wish;

test('what was kept of a prompt counts once, however many answers it gets', async () => {
  const fresh = [
    { role: 'user', content: 'Something that nobody has asked here before, long enough to be kept.' },
  ];
  const counts: number[] = [];
  for (const onRisk of ['annotate', 'retry']) {
    for (let round = 0; round < 2; round++) {
      const ask = wish({ messages: fresh, n: 4, hneurons: { onRisk } });
      const { usage } = await server.client.chat.completions.create(ask);
      const stream = await server.client.chat.completions.create({
        ...ask,
        stream: true,
        stream_options: { include_usage: true },
      });
      let last: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) last = chunk.usage;
      for (const one of [usage!, last!]) {
        const cached = one.prompt_tokens_details!.cached_tokens!;
        assert.ok(cached <= one.prompt_tokens, `${cached} of ${one.prompt_tokens}`);
        counts.push(cached);
      }
    }
  }
  const [first, ...later] = counts;
  assert.ok(
    later.every((cached) => cached > first),
    counts.join(),
  );
});

test('as many answers as may be asked for are no leak', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error) => warnings.push(warning);
  process.on('warning', hear);
  const { choices } = await server.client.chat.completions.create(wish({ n: 16 }));
  await new Promise((done) => setImmediate(done));
  process.off('warning', hear);
  assert.equal(choices.length, 16);
  assert.deepEqual(warnings, []);
});

test('an answer that would come out the same is not asked for again', async () => {
  const neurons = [[1, 3]];
  for (const [more, hneurons, retries] of [
    [{ temperature: 1 }, {}, 3],
    [{ temperature: 1 }, { alpha: 0, neurons }, 3],
    [{ temperature: 0 }, { alpha: 1, neurons }, 3],
    [{ temperature: 0 }, { alpha: 0, neurons }, 0],
    [{ temperature: 0 }, { alpha: 2, neurons: [] }, 0],
    [{ temperature: 1, top_k: 1 }, { alpha: 0, neurons }, 0],
    [{ temperature: 1, min_p: 1 }, { neurons: [] }, 0],
  ] as const) {
    const before = await metric(risky, 'hneurons_answer_seconds_count');
    const ask = wish({ ...more, hneurons: { onRisk: 'retry', ...hneurons } });
    const { choices } = await risky.client.chat.completions.create(ask);
    const what = JSON.stringify([more, hneurons]);
    assert.equal((choices[0] as unknown as { hneurons: AnswerRisk }).hneurons.retries, retries, what);
    assert.equal((await metric(risky, 'hneurons_answer_seconds_count')) - before, 1 + retries, what);
  }
});
