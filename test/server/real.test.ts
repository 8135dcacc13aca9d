import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type OpenAI from 'openai';
import { openEngine } from '../../src/engine/index.js';
import { scorePairs } from '../../src/pipeline/score.js';
import type { AnswerRisk } from '../../src/risk/index.js';
import { riskDetector } from '../risk/support.js';
import { realModel } from '../support/real-model.js';
import { temporaryFolder } from '../support/temporary.js';
import { post, startOver } from './support.js';

const folder = temporaryFolder();
const path = await realModel('gemma-3-270m');

test('of the default model, streamed scores are those of hneurons score', {
  skip: path === undefined,
}, async () => {
  const model = {
    name: 'gemma-3-270m',
    sha256: 'of the file',
    architecture: 'gemma3',
    layers: 18,
    ffn: 2048,
  };
  const detector = riskDetector({
    model,
    neurons: [
      { layer: 1, index: 1987, weight: 28 },
      { layer: 9, index: 1200, weight: -5 },
      { layer: 16, index: 77, weight: 9 },
    ],
  });
  const served = { detector, path: join(folder, 'detector.json') };
  const server = await startOver(
    path!,
    { ...model, quantisation: 'Q4_K_M', hidden: 640, vocab: 262144 },
    served,
    {},
  );
  const questions = [
    'What is the capital of Peru?',
    'Who wrote the play "Macbeth"?',
    'In which US state is the city of Tulsa?',
  ];
  const streamed = await Promise.all(
    questions.map(async (content) => {
      const wish = {
        model: model.name,
        messages: [{ role: 'user', content }],
        temperature: 0,
        max_tokens: 24,
        stream: true,
      };
      let answer = '';
      let risk: AnswerRisk | undefined;
      const stream = await server.client.chat.completions.create(
        wish as OpenAI.ChatCompletionCreateParamsStreaming,
      );
      for await (const { choices } of stream) {
        answer += choices[0].delta.content ?? '';
        if (choices[0].finish_reason) risk = (choices[0] as unknown as { hneurons: AnswerRisk }).hneurons;
      }
      return { question: content, answer, risk: risk! };
    }),
  );
  assert.equal(streamed[0].answer, 'Lima');
  const { results } = (await (
    await post(server, '/v1/score', { items: streamed.map(({ question, answer }) => ({ question, answer })) })
  ).json()) as { results: AnswerRisk[] };
  const engine = await openEngine({ modelPath: path!, device: 'cpu', threads: 1 });
  const expected = await scorePairs(engine, detector, streamed).finally(() => engine.close());
  streamed.forEach(({ answer, risk }, i) => {
    // The rows of a quantised model are rounded by the shape of their batch. A stream computes one token at a time, and a server
    // reads in smaller batches while it still writes.
    const { score, probability } = expected[i];
    const near = (value: number) => Math.abs(value - score) < 0.01 * Math.max(1, Math.abs(score));
    assert.ok(near(results[i].score!), `${answer}: ${results[i].score} ${score}`);
    assert.ok(near(risk.score!), `${risk.score} ${score}`);
    assert.ok(Math.abs(risk.probability! - probability) < 0.005, `${risk.probability} ${probability}`);
    assert.equal(risk.answerSpan?.text, results[i].answerSpan?.text);
  });
});
