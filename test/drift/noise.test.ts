import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { median } from 'simple-statistics';
import { measureDrift } from '../../src/drift/measure.js';
import { noiseFloors } from '../../src/drift/noise.js';
import { openWeights } from '../../src/weights/open.js';
import { writeBlockGguf } from '../support/block-files.js';
import { FFN, type GgufType, LAYERS, writeFfnGguf } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
let files = 0;
const file = async (type: Parameters<typeof writeFfnGguf>[1]['type']) =>
  openWeights(await writeFfnGguf(join(folder, `${files++}.gguf`), { moved: false, type }));
const seed = 1;

/** The weights of the test are uniform, dithered ones are not quite: the figure is an estimate. */
const alike = (estimate: number, truth: number, what: string) =>
  assert.ok(estimate / truth > 0.7 && estimate / truth < 1.5, `${what}: ${estimate} for ${truth}`);

test('the noise floor is what rounding the same weights really does to them', async () => {
  const exact = await file('F32');
  for (const type of ['Q8_0', 'Q4_0', 'F16', 'BF16'] satisfies GgufType[]) {
    const rounded = await file(type);
    const drift = await measureDrift(exact, rounded);
    for (const { part, base, instruct } of await noiseFloors(exact, rounded, { seed })) {
      assert.equal(base, 0);
      alike(instruct!, median(Array.from(drift[part]!)), `${type} ${part}`);
    }
  }
});

test('formats that are mixed over the layers and kinds of matrices are each looked at', async () => {
  const exact = await file('F32');
  const type = (layer: number, part: string) => (part === 'down' && layer !== 1 ? 'Q8_0' : 'Q4_0');
  const mixed = await file(type);
  const drift = await measureDrift(exact, mixed);
  const floors = await noiseFloors(mixed, exact, { seed });
  for (const { part, layers, instruct } of floors) {
    assert.equal(instruct, 0);
    assert.equal(layers.length, LAYERS);
    layers.forEach((floor, layer) => {
      alike(floor, median(Array.from(drift[part]!.subarray(layer * FFN, (layer + 1) * FFN))), part);
    });
  }
  const [up, , down] = floors;
  assert.ok(up.base! > 50 * down.base!);
});

test('the rounding of both files adds up', async () => {
  const [a, b] = [await file('Q4_0'), await file('Q4_0')];
  for (const { base, layers } of await noiseFloors(a, b, { seed })) alike(layers[0], 2 * base!, 'both');
});

test('a format that cannot be made here has no known floor', async () => {
  const path = await writeBlockGguf(join(folder, 'unknown.gguf'), { type: 'IQ2_XXS', moved: false });
  const weights = await openWeights(path);
  const floors = await noiseFloors(weights, weights, { seed });
  assert.deepEqual(
    floors.map(({ base, instruct, layers }) => [base, instruct, layers]),
    Array.from({ length: 3 }, () => [null, null, [0]]),
  );
});

test('each layer is a step, after which the search can be stopped', async () => {
  const exact = await file('F32');
  const seen: number[] = [];
  const stop = new AbortController();
  const onProgress = (done: number) => {
    seen.push(done);
    if (done === 2) stop.abort(new Error('stopped by hand'));
  };
  await assert.rejects(noiseFloors(exact, exact, { seed, signal: stop.signal, onProgress }), /by hand/);
  assert.deepEqual(seen, [1, 2]);
});
