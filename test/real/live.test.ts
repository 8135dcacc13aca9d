import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { type Engine, openEngine, promptStyle } from '../../src/engine/index.js';
import { GREEDY, generate, idsOf, readAnswer, textOf } from '../support/live.js';
import { realModel } from '../support/real-model.js';

const path = await realModel();
const skip = path === undefined && 'smollm2-135m-instruct can be neither found nor downloaded';

describe('a live session on a real instruct model', { skip }, () => {
  let engine: Engine;
  after(() => engine?.close());

  it('answers many at once, steered or not, and scores as read does within the noise of quantisation', async () => {
    engine = await openEngine({ modelPath: path!, device: 'cpu', threads: 1 });
    const { ffn, layers } = engine.model;
    const style = promptStyle(engine.model, 'auto', []);
    const questions = ['What is the capital of France?', 'What is the capital of Japan?'];
    const prompts = await engine.tokenize(await Promise.all(questions.map(style.text)), style.tokenize);
    const watch = Array.from({ length: 40 }, (_, i) => (i % layers) * ffn + 17 * i);
    const steering = { neurons: watch, alpha: 0.5 };
    const session = await engine.live({ watch, concurrency: 4, contextTokens: 256 });
    const settings = { ...GREEDY, maxTokens: 24, stop: style.stop };
    const heard = await Promise.all(
      [0, 1, 0, 1].map((q, i) =>
        generate(session, {
          id: `${i}`,
          stream: `${i}`,
          prompt: prompts[q],
          settings,
          score: true,
          steering: i < 2 ? undefined : steering,
        }),
      ),
    );
    await session.close();
    for (const [i, word] of ['Paris', 'Tokyo', 'Paris', 'Tokyo'].entries()) {
      assert.match(textOf(heard[i]), new RegExp(word));
      assert.equal(heard[i].end!.finish, 'end');
      const want = await readAnswer(
        engine,
        prompts[i % 2],
        idsOf(heard[i]),
        watch,
        i < 2 ? undefined : steering,
      );
      let dot = 0;
      let a = 0;
      let b = 0;
      assert.equal(heard[i].cett.length, want.length);
      for (const [t, cett] of heard[i].cett.entries())
        for (let k = 0; k < cett.length; k++) {
          dot += cett[k] * want[t][k];
          a += cett[k] ** 2;
          b += want[t][k] ** 2;
        }
      const cosine = dot / Math.sqrt(a * b);
      assert.ok(cosine > 0.998, `answer ${i}: cosine ${cosine}`);
    }
  });
});
