import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDrift } from '../../src/drift/describe.js';
import { choose, derive } from '../../src/stats/random.js';
import { openWeights } from '../../src/weights/open.js';
import type { FfnWeights } from '../../src/weights/types.js';
import { plantDrift } from '../support/plant.js';
import { realModel } from '../support/real-model.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const path = await realModel();
const skip = path === undefined && 'smollm2-135m-instruct can be neither found nor downloaded';

const open = async () => {
  const model = await openWeights(path!);
  const { layers, ffn } = model;
  const hNeurons = Array.from(choose(derive(1, 'h-neurons'), layers * ffn, 40));
  return { model, hNeurons, chosen: new Set(hNeurons) };
};
/** The model as float32, its neurons moved by known amounts. */
const planted = async (model: FfnWeights, name: string, amount: (neuron: number) => number) => {
  const file = join(folder, `${name}.safetensors`);
  await plantDrift(model, file, amount);
  return openWeights(file);
};

test('on a real model as float32: still H-Neurons are found inert, moved ones are not', {
  skip,
}, async () => {
  const { model, hNeurons, chosen } = await open();
  const base = await planted(model, 'base', () => 0);
  const still = await planted(model, 'still', (j) => (chosen.has(j) ? 0.3 : 1));
  const { description } = await describeDrift(base, still, hNeurons, { seed: 1 });
  assert.ok(description.inertia.layerMatched.p < 0.001, `p = ${description.inertia.layerMatched.p}`);
  assert.ok(description.inertia.welch.p < 0.001);
  assert.ok(description.withoutNorms.layerMatched.p < 0.001);
  assert.ok(description.inertia.meanRank.low > 0.9);
  for (const { noise, drowned, part } of description.parts) {
    assert.deepEqual([noise, drowned], [{ base: 0, instruct: 0 }, false], part);
  }

  const moved = await planted(model, 'moved', (j) => (chosen.has(j) ? 1 : 0.3));
  const reverse = await describeDrift(base, moved, hNeurons, { seed: 1 });
  assert.ok(reverse.description.inertia.layerMatched.p > 0.99);
  assert.ok(reverse.description.inertia.welch.p > 0.99);
  assert.ok(reverse.description.withoutNorms.layerMatched.p > 0.99);
  assert.ok(reverse.description.inertia.meanRank.high < 0.1);
});

test('the rounding of a real quantised file is found beside the drift', { skip }, async () => {
  const { model, hNeurons } = await open();
  const moved = await planted(model, 'moved-all', () => 1);
  const { description } = await describeDrift(model, moved, hNeurons, { seed: 1 });
  for (const { noise, part } of description.parts) {
    assert.equal(noise.instruct, 0, part);
    // Q4_1 turns weights by about .003 (1 - cos).
    assert.ok(noise.base! > 0.002 && noise.base! < 0.005, `${part}: ${noise.base}`);
  }
});
