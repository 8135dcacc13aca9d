import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { median } from 'simple-statistics';
import { measureDrift } from '../../src/drift/measure.js';
import { noiseFloors } from '../../src/drift/noise.js';
import { openWeights } from '../../src/weights/open.js';
import { type GgufType, writeFfnGguf } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const file = async (type: GgufType) =>
  openWeights(await writeFfnGguf(join(folder, `${type}.gguf`), { moved: false, type }));

test('the noise floor is what quantising the same weights really does to them', async () => {
  const exact = await file('F32');
  for (const type of ['Q8_0', 'Q4_0'] as const) {
    const quantised = await file(type);
    const drift = await measureDrift(exact, quantised);
    for (const { part, base, instruct } of await noiseFloors(exact, quantised, 1)) {
      assert.equal(base, 0);
      const ratio = instruct! / median(Array.from(drift[part]!));
      // The weights of the test are uniform, dithered ones are not quite: the figure is an estimate.
      assert.ok(ratio > 0.7 && ratio < 1.5, `${type} ${part}: ${ratio}`);
    }
  }
});
