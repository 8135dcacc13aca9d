import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openEngine, type Sample } from '../../src/engine/index.js';
import { drawnSequences, meanOverText } from '../../src/pipeline/sampler.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const modelPath = join(temporaryFolder(), 'tiny.gguf');
await writeTinyModel(modelPath, { architecture: 'llama' });
const engine = await openEngine({ modelPath, device: 'cpu', threads: 1 });
after(() => engine.close());

test('the mean log-probability is over the tokens of the answer, however the answer was got', async () => {
  const [prompt] = await engine.tokenize(['Who was it?'], { special: true, bos: true });
  const samples: Sample[] = [];
  let left = 1;
  await engine.sample({
    settings: { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 4, seed: 3, stop: ['e', 'a'] },
    prefix: Int32Array.of(),
    next: () => (left-- > 0 ? { id: 'q', prompt, samples: 40 } : undefined),
    onResult: (result) => void samples.push(...result.samples),
  });
  const items = samples.filter(({ tokens }) => tokens.length > 0).map((sample) => ({ prompt, sample }));
  assert.ok(items.some(({ sample }) => sample.finish === 'stop'));
  const drawn = await drawnSequences(engine, items);
  // As of an older run, or of another server: read again.
  const older = items.map(({ sample: { endLogProbability: _, ...sample } }) => ({ prompt, sample }));
  const read = await drawnSequences(engine, older);
  drawn.forEach((sequence, i) => {
    const [mean, other] = [sequence!.meanLogProbability, read[i]!.meanLogProbability];
    assert.ok(Math.abs(mean - other) < 2e-2, `${mean} against ${other}`);
  });
  const stopped = items.find(({ sample }) => sample.finish === 'stop')!.sample;
  assert.ok(stopped.endLogProbability! < 0);
  assert.equal(
    meanOverText(stopped),
    (stopped.logProbability - stopped.endLogProbability!) / stopped.tokens.length,
  );
  assert.equal(meanOverText({ tokens: [1], logProbability: -1 }), undefined);
});
