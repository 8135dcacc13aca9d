import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReadCase } from '../../src/engine/index.js';
import { openTiny, readAll, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { forward } from '../support/forward.js';
import { temporaryFolder } from '../support/temporary.js';
import type { TinyArchitecture, TinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const ARCHITECTURES: TinyArchitecture[] = ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'];

/** CETT of every neuron at every token, from the plain forward pass: method.md's definition, spelled out. */
function expectedCett(tiny: TinyModel, tokens: number[]): Float64Array[] {
  const { layers, ffn, hidden } = tiny.config;
  const { z, h } = forward(tiny, tokens);
  return tokens.map((_, t) => {
    const cett = new Float64Array(layers * ffn);
    for (let layer = 0; layer < layers; layer++) {
      const down = tiny.weights.get(`blk.${layer}.ffn_down.weight`)!;
      const length = Math.hypot(...h[layer].subarray(t * hidden, (t + 1) * hidden));
      for (let j = 0; j < ffn; j++) {
        let squares = 0;
        for (let i = 0; i < hidden; i++) squares += down[i * ffn + j] ** 2;
        cett[layer * ffn + j] = (Math.abs(z[layer][t * ffn + j]) * Math.sqrt(squares)) / (length + 1e-8);
      }
    }
    return cett;
  });
}

function mean(rows: Float64Array[], mask: [number, number][]): Float64Array {
  const out = new Float64Array(rows[0].length);
  const chosen = rows.filter((_, t) => mask.some(([from, to]) => t >= from && t < to));
  for (const row of chosen) for (let j = 0; j < out.length; j++) out[j] += row[j] / chosen.length;
  return out;
}

function assertClose(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
  assert.equal(got.length, want.length, what);
  for (let i = 0; i < want.length; i++)
    if (!(Math.abs(got[i] - want[i]) <= tolerance))
      assert.fail(`${what}: value ${i} is ${got[i]}, expected ${want[i]} within ${tolerance}`);
}

describe('mean CETT against a plain forward pass', () => {
  for (const architecture of ARCHITECTURES)
    it(architecture, async () => {
      const { tiny, engine } = await openTiny(folder, { architecture });
      const { vocab, ffn } = tiny.config;
      const cases: ReadCase[] = [3, 17, 40].map((length, i) => ({
        id: `case ${i}`,
        tokens: someTokens(length, vocab, i + 1),
        masks: [
          [[1, 3]],
          [
            [0, 1],
            [3, length],
          ],
          [],
          [[length - 1, length]],
        ].filter((mask) => length > 3 || mask !== undefined) as [number, number][][],
      }));
      const neurons = [0, 5, ffn - 1, ffn, 2 * ffn + 7];
      const results = await readAll(engine, cases, { neurons });
      for (const [i, { tokens, masks }] of cases.entries()) {
        const rows = expectedCett(tiny, tokens as number[]);
        masks.forEach((mask, m) => {
          const want = mask.length > 0 ? mean(rows, mask) : new Float64Array(rows[0].length);
          assertClose(results[i].means[m], want, 2e-5, `case ${i} mask ${m}`);
        });
        const raw = rows.flatMap((row) => neurons.map((neuron) => row[neuron]));
        assertClose(results[i].raw!, raw, 2e-5, `case ${i} raw`);
      }
    });
});

it('quantised weights: norms come from the values that the model computes with', async () => {
  for (const weightType of ['f16', 'q8_0'] as const) {
    const { tiny, engine } = await openTiny(folder, { architecture: 'llama', weightType });
    const { layers, ffn, hidden } = tiny.config;
    const want = new Float64Array(layers * ffn);
    for (let layer = 0; layer < layers; layer++) {
      const down = tiny.weights.get(`blk.${layer}.ffn_down.weight`)!;
      for (let j = 0; j < ffn; j++) {
        let squares = 0;
        for (let i = 0; i < hidden; i++) squares += down[i * ffn + j] ** 2;
        want[layer * ffn + j] = Math.sqrt(squares);
      }
    }
    assertClose(await engine.columnNorms(), want, 1e-5, weightType);
  }
});

describe('mean residual stream after each layer against a plain forward pass', () => {
  for (const architecture of ARCHITECTURES)
    it(architecture, async () => {
      const { tiny, engine } = await openTiny(folder, { architecture });
      const { vocab, layers, hidden } = tiny.config;
      const prefix = someTokens(6, vocab, 8);
      const masks: [number, number][][] = [
        [[1, 3]],
        [
          [0, 6],
          [8, 11],
        ],
        [[9, 12]],
        [],
      ];
      const cases = masks.map((mask, i): ReadCase => {
        const tokens = [...prefix, ...someTokens(6, vocab, i + 20)];
        return { id: String(i), tokens, masks: [[[0, 2]], mask] };
      });
      const results = await readAll(engine, cases, { residual: 1, prefix });
      const without = await readAll(engine, cases, { prefix });
      for (const [i, mask] of masks.entries()) {
        const { x } = forward(tiny, cases[i].tokens);
        const rows = Array.from({ length: 12 }, (_, t) =>
          Float64Array.from({ length: layers * hidden }, (_, k) => {
            return x[Math.floor(k / hidden)][t * hidden + (k % hidden)];
          }),
        );
        const want = mask.length > 0 ? mean(rows, mask) : new Float64Array(layers * hidden);
        assertClose(results[i].residual!, want, 5e-4, `case ${i}`);
        assert.deepEqual(results[i].means, without[i].means, 'the residual wish changes nothing else');
        assert.equal(without[i].residual, undefined);
      }
    });
});

describe('packing and shared prefixes change nothing but rounding', () => {
  const many = async (architecture: TinyArchitecture, tolerance: number) => {
    const { tiny, engine } = await openTiny(folder, { architecture, contextLength: 4096 });
    const { vocab } = tiny.config;
    const prefix = someTokens(23, vocab, 99);
    const cases: ReadCase[] = Array.from({ length: 30 }, (_, i) => {
      const tokens = [...prefix, ...someTokens(1 + ((i * 37) % 60), vocab, i)];
      const answer = tokens.length - 1;
      return {
        id: String(i),
        tokens,
        masks: [[[answer, tokens.length]], [[0, answer]]],
      };
    });
    const long = someTokens(1300, vocab, 5);
    cases.push({ id: 'long', tokens: long, masks: [[[0, 1300]], [[1000, 1300]]] });
    // A mask that cuts the prefix in two, and a case that does not begin with it: both must be read whole.
    cases.push({ id: 'cut', tokens: [...prefix, 7], masks: [[[0, 5]], [[5, 24]]] });
    cases.push({ id: 'other', tokens: someTokens(30, vocab, 1234), masks: [[[0, 30]], [[2, 9]]] });
    const together = await readAll(engine, cases, { prefix });
    for (const [i, single] of cases.entries()) {
      const [alone] = await readAll(engine, [single]);
      for (const m of [0, 1])
        assertClose(together[i].means[m], alone.means[m], tolerance, `case ${single.id}`);
    }
  };

  it('many sequences of different lengths, longer than a micro-batch, with and without prefix', () =>
    many('llama', 1e-5));

  // ggml's GELU table holds float16 values: a rounding difference before it may grow to one of 5e-4 after it.
  it('the same with sliding windows', () => many('gemma3', 2e-4));

  it('signed raw values have the sign of z', async () => {
    const { tiny, engine } = await openTiny(folder, { architecture: 'qwen2' });
    const tokens = someTokens(12, tiny.config.vocab, 2);
    const neurons = [0, 7, tiny.config.ffn + 3, 2 * tiny.config.ffn + 95];
    const [signed, plain] = [
      await readAll(engine, [{ id: 'a', tokens, masks: [] }], { neurons, signed: true }),
      await readAll(engine, [{ id: 'a', tokens, masks: [] }], { neurons }),
    ].map(([{ raw }]) => raw!);
    const { z } = forward(tiny, tokens);
    const signs = tokens.flatMap((_, t) =>
      neurons.map((flat) =>
        Math.sign(z[Math.floor(flat / tiny.config.ffn)][t * tiny.config.ffn + (flat % tiny.config.ffn)]),
      ),
    );
    assert.ok(signs.includes(1) && signs.includes(-1));
    assertClose(
      signed,
      plain.map((value, i) => value * signs[i]),
      1e-6,
      'signed',
    );
  });

  it('raw values cover the tokens of a shared prefix too', async () => {
    const { tiny, engine } = await openTiny(folder, { architecture: 'qwen2' });
    const prefix = someTokens(9, tiny.config.vocab, 3);
    const tokens = [...prefix, ...someTokens(4, tiny.config.vocab, 4)];
    const only: ReadCase[] = [{ id: 'a', tokens, masks: [] }];
    const neurons = [1, 100];
    const [shared] = await readAll(engine, only, { prefix, neurons });
    const [plain] = await readAll(engine, only, { neurons });
    assertClose(shared.raw!, plain.raw!, 1e-5, 'raw');
  });
});

it('a vocabulary of 262,144 keeps the process within the weights + 1 GiB', async () => {
  const { tiny, engine } = await openTiny(folder, {
    architecture: 'gemma3',
    vocab: 262144,
    contextLength: 8192,
  });
  const tokens = someTokens(1200, 250, 1);
  await readAll(engine, [{ id: 'long', tokens, masks: [[[0, 1200]]] }]);
  let asked = 0;
  await engine.sample({
    settings: { temperature: 1, topK: 50, topP: 0.9, minP: 0, maxTokens: 4, stop: [], seed: 1 },
    next: () =>
      asked++ < 30 ? { id: String(asked), prompt: tokens.slice(0, 20 + asked), samples: 10 } : undefined,
    onResult: () => {},
  });
  const limit = engine.model.weightBytes + 2 ** 30;
  const peak = await engine.peakMemory();
  assert.ok(peak <= limit, `${tiny.path}: peak ${peak} is over ${limit}`);
});

it('malformed cases are refused with the id', async () => {
  const { engine } = await openTiny(folder, { architecture: 'llama' });
  const refuse = (bad: Partial<ReadCase>) =>
    expectUserError(
      () => readAll(engine, [{ id: 'q7', tokens: [1, 2, 3], masks: [[[0, 1]]], ...bad }]),
      /^Case q7: /,
    );
  await refuse({ tokens: [] });
  await refuse({ tokens: [1, 999999] });
  await refuse({ masks: [[[0, 4]]] });
  await refuse({ masks: [[[2, 1]]] });
  await refuse({
    masks: [
      [
        [1, 3],
        [0, 1],
      ],
    ],
  });
  await expectUserError(
    () => readAll(engine, [{ id: 'q7', tokens: [1, 2], masks: [[[0, 1]]] }], { residual: 1 }),
    /^Case q7: it has no mask 1/,
  );
  assert.equal((await readAll(engine, [{ id: 'fine', tokens: [1, 2], masks: [] }])).length, 1);
});
