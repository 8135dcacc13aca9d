import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readGguf } from '../../src/engine/gguf/read.js';
import { type Engine, openEngine, type SampleSettings } from '../../src/engine/index.js';
import { allFinite, NotFiniteError, underSteering, usableLogits } from '../../src/engine/native/finite.js';
import { openTiny, readAll } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { changeTensors } from '../support/patch-gguf.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
/** Neither BOS nor one of the tokens that are computed when a model is opened. */
const BAD_TOKEN = 77;
const HIDDEN = 64;

const greedy: SampleSettings = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  maxTokens: 3,
  stop: [],
  seed: 1,
};

async function open(path: string): Promise<Engine> {
  return openEngine({ modelPath: path, device: 'cpu', threads: 1 });
}

/** A model of finite weights whose numbers overflow at one token: nothing else has a part in its last hidden dimension. */
async function openOverflowing(name: string) {
  const { path } = await writeTinyModel(join(folder, `${name}-whole.gguf`), { architecture: 'llama' });
  const last = HIDDEN - 1;
  const only = (token: number) => (values: Float32Array) => {
    for (let at = last; at < values.length; at += HIDDEN) values[at] = at === token * HIDDEN + last ? 1 : 0;
  };
  const huge = (values: Float32Array) => void values.fill(0, 0, HIDDEN).fill(1e22, last, HIDDEN);
  const common = {
    'blk.0.attn_output.weight': (values: Float32Array) => void values.fill(0, last * HIDDEN),
    'blk.0.ffn_gate.weight': huge,
    'blk.0.ffn_up.weight': huge,
  };
  const bad = join(folder, `${name}.gguf`);
  const whole = join(folder, `${name}-fine.gguf`);
  await changeTensors(path, bad, { ...common, 'token_embd.weight': only(BAD_TOKEN) });
  await changeTensors(path, whole, { ...common, 'token_embd.weight': only(-1) });
  return [await open(bad), await open(whole)];
}

async function sampleOne(
  engine: Engine,
  id: string,
  prompt: number[],
  settings: Partial<SampleSettings> = {},
) {
  const requests = [{ id, prompt, samples: 1 }];
  let text: string | undefined;
  await engine.sample({
    settings: { ...greedy, ...settings },
    next: () => requests.shift(),
    onResult: ({ samples }) => {
      text = samples[0].text;
    },
  });
  return text;
}

describe('weights that are not finite: the model is refused, and the tensor named', () => {
  for (const architecture of ['llama', 'gemma3', 'gpt2'] satisfies TinyArchitecture[])
    it(architecture, async () => {
      const { path } = await writeTinyModel(join(folder, `${architecture}.gguf`), {
        architecture,
        layers: 1,
      });
      const { tensors } = await readGguf(path);
      for (const [i, tensor] of [...tensors.keys()].entries()) {
        const value = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY][i % 3];
        const bad = await changeTensors(path, join(folder, 'planted.gguf'), {
          [tensor]: (values) => void values.fill(value, values.length - 1),
        });
        await expectUserError(
          () => open(bad),
          /planted\.gguf: /,
          new RegExp(tensor.replaceAll('.', '\\.')),
          /damaged/,
        );
      }
    });
});

it('a file full of zeros is incomplete', async () => {
  const { path } = await writeTinyModel(join(folder, 'full.gguf'), { architecture: 'llama', layers: 1 });
  const { tensors, dataOffset } = await readGguf(path);
  const { readFileSync, writeFileSync } = await import('node:fs');
  const bytes = readFileSync(path);
  bytes.fill(0, dataOffset);
  assert.ok(tensors.size > 0);
  writeFileSync(join(folder, 'zeros.gguf'), bytes);
  await expectUserError(
    () => open(join(folder, 'zeros.gguf')),
    /zeros\.gguf: .*incomplete; download it again/,
  );
});

describe('a token at which finite weights overflow', () => {
  const good = [1, 5, 9];
  const bad = [1, BAD_TOKEN, 9];

  it('names the case, the question or the numbers, and other inputs are as before', async () => {
    const [engine, whole] = await openOverflowing('calls');
    try {
      const read = (tokens: number[], options = {}) =>
        readAll(engine, [{ id: '0', label: 'line 7', tokens, masks: [[[0, 3]]] }], options);
      await expectUserError(() => read(bad), /activations of case line 7 are not finite/);
      await expectUserError(() => read(bad, { residual: 0 }), /case line 7/);
      const raw = () => readAll(engine, [{ id: 'x', tokens: bad, masks: [] }], { neurons: [3] });
      await expectUserError(raw, /activations of case x/);
      await expectUserError(() => engine.logits(bad), /logits are not finite/);
      const likelihood = (tokens: number[]) =>
        engine.logProbabilities([{ tokens, asked: [{ at: 2, tokens: [4] }] }]);
      await expectUserError(() => likelihood(bad), /logits are not finite/);
      await expectUserError(() => sampleOne(engine, 'q9', bad), /logits of question q9 are not finite/);
      const drawn = () => sampleOne(engine, 'q9', bad, { temperature: 1, topK: 20 });
      await expectUserError(drawn, /question q9/);

      const [{ means }] = await read(good);
      assert.ok(means[0].every(Number.isFinite));
      const [expected] = await readAll(whole, [{ id: '0', tokens: good, masks: [[[0, 3]]] }]);
      assert.deepEqual(means[0], expected.means[0]);
      assert.equal(await sampleOne(engine, 'q', good), await sampleOne(whole, 'q', good));
    } finally {
      await engine.close();
      await whole.close();
    }
  });

  it('a live session fails that request; others are answered as if it had never been', async () => {
    const [engine, whole] = await openOverflowing('live');
    const session = async (of: Engine, prompts: Record<string, number[]>) => {
      const live = await of.live({ watch: [3, 100], concurrency: 4, contextTokens: 64 });
      const outcomes: Record<string, string> = {};
      const ask = (id: string, prompt: number[], score: boolean) =>
        new Promise<void>((resolve) => {
          let said = '';
          live.submit(
            { id, prompt, settings: greedy, stream: 'x', score },
            {
              onToken: ({ token, logProbability }) => {
                assert.ok(Number.isFinite(logProbability));
                said += ` ${token}`;
              },
              onCett: (_, cett) => assert.ok(cett.every(Number.isFinite)),
              onEnd: () => {
                outcomes[id] = said;
                resolve();
              },
              onError: ({ message }) => {
                outcomes[id] = message;
                resolve();
              },
            },
          );
        });
      await ask('first', prompts.first, true);
      await ask('bad', prompts.bad, true);
      await ask('bad again', prompts.bad, false);
      await Promise.all([ask('last', prompts.last, true), ask('beside', [...prompts.last, 3], false)]);
      await live.close();
      return outcomes;
    };
    try {
      const mine = await session(engine, { first: good, bad, last: [1, 8, 8, 4] });
      assert.match(mine.bad, /logits are not finite/);
      assert.match(mine['bad again'], /logits are not finite/);
      const right = await session(whole, { first: good, bad: good, last: [1, 8, 8, 4] });
      for (const id of ['first', 'last', 'beside']) assert.equal(mine[id], right[id], id);
    } finally {
      await engine.close();
      await whole.close();
    }
  });
});

it('an alpha that makes numbers overflow is named', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama', weightType: 'f16' });
  const error = underSteering(new NotFiniteError('The logits'), { alpha: 300, neurons: [] }) as Error;
  assert.match(error.message, /^The logits are not finite at alpha 300: .*leave such alphas out$/);
  assert.ok((await engine.logits([1, 2], { neurons: [3], alpha: 1000 })).every(Number.isFinite));
});

it('logits that are masked are usable, others that are not finite are not', () => {
  const masked = new Float32Array([1, Number.NEGATIVE_INFINITY, 2, 0, 5]);
  assert.equal(usableLogits(masked), true);
  assert.equal(usableLogits(masked.fill(Number.NEGATIVE_INFINITY)), false);
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
    for (let at = 0; at < 7; at++) {
      const logits = new Float32Array(7).fill(1);
      logits[at] = bad;
      assert.equal(usableLogits(logits), false);
      assert.equal(allFinite(logits), false);
    }
  assert.equal(allFinite(new Float32Array(9).fill(3e38)), true);
});
