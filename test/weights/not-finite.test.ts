import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { writeGgufAdapter } from '../../src/export/adapter-gguf.js';
import { bakeGguf } from '../../src/export/bake-gguf.js';
import { detectorProbability } from '../../src/pipeline/detector.js';
import { downColumns } from '../../src/weights/columns.js';
import { openGgufWeights } from '../../src/weights/gguf.js';
import { logitLens } from '../../src/weights/lens.js';
import { openOutput } from '../../src/weights/output.js';
import { detectorOf } from '../support/detector.js';
import { expectUserError } from '../support/expect-user-error.js';
import { changeTensors } from '../support/patch-gguf.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const NEURON = 5;

it('weights that are not finite are refused wherever files are read without llama.cpp', async () => {
  const { path, config } = await writeTinyModel(join(folder, 'whole.gguf'), { architecture: 'llama' });
  const spoil = (tensor: string, at: number) =>
    changeTensors(path, join(folder, `${tensor}.gguf`), {
      [tensor]: (values) => {
        values[at] = Number.NaN;
      },
    });
  const detector = detectorOf(config, [[0, NEURON]]);
  const names = (tensor: string) =>
    new RegExp(`${tensor.replaceAll('.', '\\.')} holds values that are not finite`);

  const down = await spoil('blk.0.ffn_down.weight', NEURON);
  const weights = await openGgufWeights(down);
  await expectUserError(async () => downColumns(weights, [NEURON]), names('blk.0.ffn_down.weight'));
  assert.ok(downColumns(weights, [NEURON + 1])[0].every(Number.isFinite));
  const adapter = join(folder, 'adapter.gguf');
  await expectUserError(
    () => writeGgufAdapter({ model: down, detector, out: adapter }),
    names('blk.0.ffn_down.weight'),
  );
  assert.ok(!existsSync(adapter));

  const up = await spoil('blk.0.ffn_up.weight', NEURON * config.hidden);
  const baked = join(folder, 'baked.gguf');
  await expectUserError(
    () => bakeGguf({ model: up, detector, alpha: 0.5, out: baked }),
    names('blk.0.ffn_up.weight'),
  );
  assert.ok(!existsSync(baked));

  const output = await spoil('output.weight', 7);
  const column = downColumns(await openGgufWeights(output), [NEURON])[0];
  const path7 = await openOutput(output);
  await expectUserError(() => logitLens(path7, [{ layer: 0, column }], { count: 3 }), names('output.weight'));
  await expectUserError(
    async () => openOutput(await spoil('output_norm.weight', 3)),
    names('output_norm.weight'),
  );
});

it('a score that is no number is not called a probability', async () => {
  const detector = detectorOf({ architecture: 'llama', layers: 3, ffn: 96 }, [[0, NEURON]]);
  assert.ok(detectorProbability(detector, 1e300) === 1);
  for (const score of [Number.NaN, Number.POSITIVE_INFINITY])
    await expectUserError(
      async () => detectorProbability(detector, score),
      /score .* not finite.*train it again/,
    );
});
