import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { type Engine, openEngine, promptStyle } from '../../src/engine/index.js';
import { judgeResponse } from '../../src/judge/rule.js';
import { realModel } from '../support/real-model.js';

const path = await realModel();
const skip = path === undefined && 'smollm2-135m-instruct can be neither found nor downloaded';
const golden = new URL('../../../../shared/golden/smollm2-135m/', import.meta.url).pathname;

describe('a real instruct model', { skip }, () => {
  let engine: Engine;
  const open = async () => {
    engine ??= await openEngine({ modelPath: path!, device: 'cpu' });
    return engine;
  };
  after(() => engine?.close());

  it('is asked in its own chat template and answers', async () => {
    const { model, tokenize, sample } = await open();
    const style = promptStyle(model, 'auto', []);
    assert.equal(style.kind, 'chat');
    const questions = ['What is the capital of France?', 'What is the capital of Japan?'];
    const prompts = await tokenize(await Promise.all(questions.map(style.text)), style.tokenize);
    const answers = new Map<string, string[]>();
    let next = 0;
    await sample({
      settings: { temperature: 0, topK: 0, topP: 1, minP: 0, maxTokens: 30, stop: style.stop, seed: 1 },
      next: () => (next < 2 ? { id: String(next), prompt: prompts[next++], samples: 2 } : undefined),
      onResult: ({ id, samples }) => {
        assert.ok(
          samples.every((one) => one.finish === 'end'),
          'the end-of-turn token ends an answer',
        );
        answers.set(
          id,
          samples.map((one) => one.text),
        );
      },
    });
    for (const [id, alias] of [
      ['0', 'Paris'],
      ['1', 'Tokyo'],
    ])
      for (const text of answers.get(id)!) assert.equal(judgeResponse(text, [alias]), 'correct', text);
  });

  it('is read the same with and without a shared prefix, within the noise of its quantisation', async () => {
    const { read, tokenize } = await open();
    const texts = ['The capital of France is Paris.', 'The capital of France is a secret of state.'];
    const sequences = await tokenize(texts, { special: false, bos: true });
    const means = async (prefix: Int32Array) => {
      const found: Float32Array[] = [];
      let next = 0;
      await read({
        prefix,
        next: () => {
          const tokens = sequences[next];
          return tokens && { id: String(next++), tokens, masks: [[[0, tokens.length]]] };
        },
        onResult: (result) => {
          found[Number(result.id)] = result.means[0];
        },
      });
      return found;
    };
    const plain = await means(new Int32Array());
    const shared = await means(sequences[0].slice(0, 4));
    for (const i of [0, 1]) {
      let dot = 0;
      let aa = 0;
      let bb = 0;
      plain[i].forEach((value, j) => {
        dot += value * shared[i][j];
        aa += value ** 2;
        bb += shared[i][j] ** 2;
      });
      assert.ok(1 - dot / Math.sqrt(aa * bb) < 1e-3);
    }
  });

  it('agrees with PyTorch', { skip: !existsSync(golden) && `no reference results in ${golden}` }, () => {
    const script = new URL('../../bench/golden.js', import.meta.url).pathname;
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, path!, golden], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /21 passed, 0 failed/);
  });
});
