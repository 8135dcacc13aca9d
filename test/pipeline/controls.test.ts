import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawLayerMatched } from '../../src/pipeline/controls.js';
import { readControls, writeControls } from '../../src/pipeline/controls-file.js';
import { expectUserError } from '../support/expect-user-error.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();

test('layer-matched controls have as many neurons in each layer, in places that differ', () => {
  const neurons = [3, 17, 5, 45, 49, 41];
  const drawn = drawLayerMatched({ neurons, ffn: 10, controls: 30, seed: 4 });
  const histogram = (flat: ArrayLike<number>) => {
    const counts = Array(5).fill(0);
    for (const one of Array.from(flat)) counts[Math.floor(one / 10)]++;
    return counts;
  };
  for (const set of drawn) {
    assert.deepEqual(histogram(set), [2, 1, 0, 0, 3]);
    assert.equal(new Set(set).size, 6);
    assert.deepEqual(
      [...set].sort((a, b) => a - b),
      [...set],
    );
  }
  // Every place of a layer is drawn now and then.
  assert.equal(new Set(drawn.flatMap((set) => [...set])).size, 30);
  assert.deepEqual(drawLayerMatched({ neurons, ffn: 10, controls: 30, seed: 4 }), drawn);
  assert.notDeepEqual(drawLayerMatched({ neurons, ffn: 10, controls: 30, seed: 5 }), drawn);
});

test('controls survive being written and read; another file is refused by name', async () => {
  const path = join(root, 'controls.json');
  const model = { name: 'm', sha256: 'ab', architecture: 'llama', layers: 3, ffn: 10 };
  const fit = (flat: number[]) => ({
    intercept: -1,
    indices: Uint32Array.from(flat),
    weights: Float64Array.from(flat, (one) => one / 4),
    platt: { slope: 2, intercept: 0.5 },
  });
  await writeControls(path, model, {
    random: [{ seed: 0, scores: Float64Array.of(1), fit: fit([7, 23]) }],
    'layer-matched': [{ seed: 0, scores: Float64Array.of(1), fit: fit([]) }],
  });
  const { controls } = await readControls(path);
  assert.deepEqual(controls, [
    {
      kind: 'random',
      seed: 0,
      neurons: [
        { layer: 0, index: 7, weight: 1.75 },
        { layer: 2, index: 3, weight: 5.75 },
      ],
      intercept: -1,
      calibration: { slope: 2, intercept: 0.5 },
    },
    { kind: 'layer-matched', seed: 0, neurons: [], intercept: -1, calibration: { slope: 2, intercept: 0.5 } },
  ]);
  writeFileSync(path, '{"schema": "hneurons/detector"}');
  await expectUserError(() => readControls(path), /controls\.json is not a file of controls/);
  writeFileSync(path, '{');
  await expectUserError(() => readControls(path), /not valid JSON/);
  await expectUserError(() => readControls(join(root, 'none.json')), /cannot read .*none\.json/);
});
