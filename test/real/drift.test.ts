import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDrift } from '../../src/drift/describe.js';
import { choose, derive } from '../../src/stats/random.js';
import { openWeights } from '../../src/weights/open.js';
import { plantDrift } from '../support/plant.js';
import { realModel } from '../support/real-model.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

const path = await realModel();
const skip = path === undefined && 'smollm2-135m-instruct can be neither found nor downloaded';

test('on a real model: still H-Neurons are found inert, moved ones are not', { skip }, async () => {
  const base = await openWeights(path!);
  const { layers, ffn } = base;
  const hNeurons = Array.from(choose(derive(1, 'h-neurons'), layers * ffn, 40));
  const chosen = new Set(hNeurons);

  const still = join(folder, 'still.safetensors');
  await plantDrift(base, still, (j) => (chosen.has(j) ? 0.3 : 1));
  const { description } = await describeDrift(base, await openWeights(still), hNeurons, { seed: 1 });
  assert.ok(description.inertia.layerMatched.p < 0.001, `p = ${description.inertia.layerMatched.p}`);
  assert.ok(description.inertia.welch.p < 0.001);
  assert.ok(description.withoutNorms.layerMatched.p < 0.001);
  assert.ok(description.inertia.meanRank.low > 0.9);

  const moved = join(folder, 'moved.safetensors');
  await plantDrift(base, moved, (j) => (chosen.has(j) ? 1 : 0.3));
  const reverse = await describeDrift(base, await openWeights(moved), hNeurons, { seed: 1 });
  assert.ok(reverse.description.inertia.layerMatched.p > 0.99);
  assert.ok(reverse.description.inertia.welch.p > 0.99);
  assert.ok(reverse.description.inertia.meanRank.high < 0.1);
  // One file is quantised, and the report says how much of the drift that alone makes.
  for (const { noise, part } of description.parts) {
    assert.equal(noise.instruct, 0, part);
    assert.ok(noise.base! > 0, part);
  }
});
