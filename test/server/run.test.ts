import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSafetensors } from '../../src/formats/safetensors.js';
import { createRunNeurons } from '../../src/server/run-neurons.js';
import { riskDetector } from '../risk/support.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const detector = riskDetector();
const { layers, ffn } = detector.model;
const COUNT = 20;

/** A run of answers 0, 1, …; the first neuron of the detector likes even ones, the larger the better, the second small ones. */
async function writeRun(name: string, dtype: 'F32' | 'F16'): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  const lines = Array.from({ length: COUNT }, (_, i) =>
    JSON.stringify({ question: `q${i}`, answer: `a${i}`, class: i % 2 ? 'hallucinated' : 'faithful' }),
  );
  writeFileSync(join(path, 'cases.jsonl'), `${lines.join('\n')}\n`);
  const writer = await createSafetensors(
    join(path, 'features.safetensors'),
    { other: { shape: [COUNT, layers * ffn], dtype }, answer: { shape: [COUNT, layers * ffn], dtype } },
    {},
  );
  const [first, second] = detector.neurons.map(({ layer, index }) => layer * ffn + index);
  for (let i = 0; i < COUNT; i++) {
    const row = new Float32Array(layers * ffn).fill(0.5);
    row[first] = i % 2 ? 0 : i;
    row[second] = 1 - i / 32;
    writer.writeRow('answer', i, row);
  }
  writer.sync();
  writer.close();
  writeFileSync(
    join(path, 'explain.json'),
    JSON.stringify({ cards: [{ layer: 0, index: 21, promotes: ['x'] }], lens: { chance: 5.4 } }),
  );
  return join(path, 'detector.json');
}

for (const dtype of ['F32', 'F16'] as const) {
  test(`the answers that drive a neuron most and least come from the run's ${dtype} features`, async () => {
    const neurons = createRunNeurons({ detector, path: await writeRun(dtype, dtype) });
    const first = await neurons.examples(0);
    assert.deepEqual(first!.most[0], { question: 'q18', answer: 'a18', label: 'faithful', cett: 18 });
    assert.deepEqual(
      first!.most.map(({ cett }) => cett),
      [18, 16, 14, 12, 10, 8, 6, 4],
    );
    assert.ok(first!.least.every(({ label, cett }) => label === 'hallucinated' && cett === 0));
    const second = await neurons.examples(1);
    assert.deepEqual(second!.most[0], { question: 'q0', answer: 'a0', label: 'faithful', cett: 1 });
    assert.equal(second!.least[0].question, 'q19');
    assert.deepEqual(await neurons.card({ layer: 0, index: 21 }), {
      card: { layer: 0, index: 21, promotes: ['x'] },
      chance: 5.4,
    });
    assert.equal((await neurons.card({ layer: 1, index: 3 })).card, null);
  });
}

test('without the files of a run, or with damaged ones, there is just nothing to show', async () => {
  const nowhere = createRunNeurons({ detector, path: join(folder, 'detector.json') });
  assert.equal(await nowhere.examples(0), null);
  assert.equal((await nowhere.card({ layer: 0, index: 21 })).card, null);
  const path = await writeRun('damaged', 'F32');
  writeFileSync(join(folder, 'damaged', 'features.safetensors'), 'no');
  writeFileSync(join(folder, 'damaged', 'explain.json'), '{');
  const damaged = createRunNeurons({ detector, path });
  assert.equal(await damaged.examples(0), null);
  assert.equal((await damaged.card({ layer: 0, index: 21 })).card, null);
});
