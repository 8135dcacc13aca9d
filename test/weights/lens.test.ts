import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { downColumns } from '../../src/weights/columns.js';
import { openGgufWeights } from '../../src/weights/gguf.js';
import { logitLens } from '../../src/weights/lens.js';
import { openOutput } from '../../src/weights/output.js';
import { openTiny, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { forward } from '../support/forward.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyModel, type TinyOptions, writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
let count = 0;

const tinyFile = (options: TinyOptions) => writeTinyModel(join(folder, `lens-${count++}.gguf`), options);

/** Column j of W_down of a layer. */
function columnOf({ config, weights }: TinyModel, flat: number): number[] {
  const down = weights.get(`blk.${Math.floor(flat / config.ffn)}.ffn_down.weight`)!;
  return Array.from({ length: config.hidden }, (_, i) => down[i * config.ffn + (flat % config.ffn)]);
}

/** A direction of the residual stream times the final norm's weight and the output matrix, `[vocab]`. */
function throughOutput({ config, weights }: TinyModel, direction: number[]): number[] {
  const norm = weights.get('output_norm.weight')!;
  const output = weights.get('output.weight') ?? weights.get('token_embd.weight')!;
  return Array.from({ length: config.vocab }, (_, token) =>
    direction.reduce((sum, value, i) => sum + value * norm[i] * output[token * config.hidden + i], 0),
  );
}

const centred = (values: number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
};

/** What a neuron adds to the residual stream. */
function added(tiny: TinyModel, flat: number): number[] {
  const { architecture, ffn } = tiny.config;
  const column = columnOf(tiny, flat);
  const post = tiny.weights.get(`blk.${Math.floor(flat / ffn)}.post_ffw_norm.weight`);
  if (architecture === 'gemma3') return column.map((value, i) => value * post![i]);
  return architecture === 'gpt2' || architecture === 'phi2' ? centred(column) : column;
}

async function lensOf(tiny: TinyModel, neurons: number[], tokens = 10) {
  const columns = downColumns(await openGgufWeights(tiny.path), neurons);
  return logitLens(
    await openOutput(tiny.path),
    neurons.map((flat, i) => ({ layer: Math.floor(flat / tiny.config.ffn), column: columns[i] })),
    { count: tokens },
  );
}

describe('the logit lens against brute force', () => {
  const models: TinyOptions[] = [
    { architecture: 'llama' },
    // Two chunks of the output matrix, the second one not full.
    { architecture: 'llama', vocab: 5000, weightType: 'q8_0', layers: 1 },
    { architecture: 'qwen2', weightType: 'q8_0' },
    { architecture: 'gemma3', weightType: 'f16' },
    { architecture: 'gpt2', weightType: 'f16' },
    { architecture: 'phi2' },
  ];
  for (const options of models)
    it(`${options.architecture} ${options.weightType ?? 'f32'}`, async () => {
      const tiny = await tinyFile(options);
      const { ffn, layers, vocab } = tiny.config;
      const neurons = [ffn * (layers - 1) + 5, 3, ffn * (layers - 1), 5];
      const found = await lensOf(tiny, neurons);
      const own = tiny.weights.has('output.weight');
      assert.equal((await openOutput(tiny.path)).tied, !own);
      neurons.forEach((flat, n) => {
        const logits = throughOutput(tiny, added(tiny, flat));
        const order = logits.map((_, token) => token).sort((a, b) => logits[b] - logits[a]);
        const { raised, lowered, mean, deviation } = found[n];
        assert.deepEqual(
          raised.map(({ token }) => token),
          order.slice(0, 10),
        );
        assert.deepEqual(
          lowered.map(({ token }) => token),
          order.slice(-10).reverse(),
        );
        for (const { token, logit } of [...raised, ...lowered]) {
          assert.ok(Math.abs(logit - logits[token]) < 1e-4, `${logit} for ${logits[token]}`);
        }
        const expected = logits.reduce((sum, logit) => sum + logit, 0) / vocab;
        assert.ok(Math.abs(mean - expected) < 1e-4);
        const spread = Math.sqrt(logits.reduce((sum, logit) => sum + (logit - expected) ** 2, 0) / vocab);
        assert.ok(Math.abs(deviation - spread) < 1e-4);
      });
    });
});

describe('the lens against what the neuron does to the logits of llama.cpp', () => {
  for (const architecture of ['llama', 'gemma3', 'gpt2'] as const)
    it(architecture, async () => {
      const { tiny, engine } = await openTiny(folder, { architecture });
      const { ffn, layers, hidden, vocab } = tiny.config;
      const tokens = someTokens(9, vocab, 4);
      const plain = await engine.logits(tokens);
      const { z, h, x } = forward(tiny, tokens);
      const last = tokens.length - 1;
      const activation = z[layers - 1].subarray(last * ffn, (last + 1) * ffn);
      const strongest = [...activation.keys()].sort(
        (a, b) => Math.abs(activation[b]) - Math.abs(activation[a]),
      );
      for (const j of strongest.slice(0, 3)) {
        // Times alpha, the layer's output moves by (alpha - 1) z times the column: a small step along it.
        const step = 0.05;
        const flat = (layers - 1) * ffn + j;
        const moved = await engine.logits(tokens, { neurons: [flat], alpha: 1 + step });
        const change = Array.from(moved, (value, token) => value - plain[token]);
        const lens = throughOutput(tiny, added(tiny, flat));
        // What a norm divides by moves too: that changes the logits along the stream, and along the layer's output, themselves.
        const row = (values: Float64Array) => Array.from(values.subarray(last * hidden, (last + 1) * hidden));
        const layerNorm = architecture === 'gpt2';
        const stream = row(x[layers - 1]);
        const post = tiny.weights.get(`blk.${layers - 1}.post_ffw_norm.weight`);
        const others = [throughOutput(tiny, layerNorm ? centred(stream) : stream)];
        if (post) {
          const output = row(h[layers - 1]).map((value, i) => value * post[i]);
          others.push(throughOutput(tiny, output));
        }
        const { coefficients, explained } = regress(change, [lens, ...others]);
        assert.ok(explained > 0.999, `neuron ${j}: ${explained} explained`);
        assert.ok(coefficients[0] * activation[j] > 0, `neuron ${j}: wrong sign`);
        assert.ok(correlation(change, lens) * Math.sign(activation[j]) > 0.5, `neuron ${j}: other direction`);
      }
    });
});

/** Least squares without a constant, by the normal equations. */
function regress(y: number[], columns: number[][]): { coefficients: number[]; explained: number } {
  const inner = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const system = columns.map((a) => [...columns.map((b) => inner(a, b)), inner(a, y)]);
  for (let i = 0; i < system.length; i++) {
    const pivot = system[i].map((value) => value / system[i][i]);
    system.forEach((line, k) => {
      system[k] = k === i ? pivot : line.map((value, c) => value - line[i] * pivot[c]);
    });
  }
  const coefficients = system.map((line) => line[line.length - 1]);
  const rest = y.map((value, i) => value - coefficients.reduce((sum, c, n) => sum + c * columns[n][i], 0));
  return { coefficients, explained: 1 - inner(rest, rest) / inner(y, y) };
}

function correlation(a: number[], b: number[]): number {
  const [p, q] = [centred(a), centred(b)];
  const inner = (u: number[], v: number[]) => u.reduce((sum, value, i) => sum + value * v[i], 0);
  return inner(p, q) / Math.sqrt(inner(p, p) * inner(q, q));
}

describe('files that cannot be read', () => {
  it('a file that ends within the output matrix is named', async () => {
    const tiny = await tinyFile({ architecture: 'llama', layers: 1 });
    const output = await openOutput(tiny.path);
    truncateSync(tiny.path, output.matrix.offset + output.matrix.rowBytes * 3);
    await expectUserError(
      () => logitLens(output, [{ layer: 0, column: new Float32Array(64) }], { count: 10 }),
      /lens-\d+\.gguf ends inside output\.weight/,
    );
  });

  it('an abort ends the pass', async () => {
    const tiny = await tinyFile({ architecture: 'llama', layers: 1 });
    const signal = AbortSignal.abort(new Error('stop'));
    await assert.rejects(logitLens(await openOutput(tiny.path), [], { count: 10, signal }), /stop/);
  });
});
