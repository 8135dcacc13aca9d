import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { today } from '../../src/engine/text/prompt.js';
import { modelSha256 } from '../../src/models/index.js';
import { askedModel, type Detector } from '../../src/pipeline/detector.js';
import { identifyModel } from '../../src/pipeline/run.js';
import { openRunFolder, readManifest } from '../../src/pipeline/run-folder.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** A prompt that depends on the day is that of the day on which the run was made. */
const root = temporaryFolder();
const EACH = '{% for m in messages %}{{ m.content }}{% endfor %}';

async function identify(name: string, chatTemplate: string) {
  const path = join(root, `${name}.gguf`);
  await writeTinyModel(path, { architecture: 'llama', chatTemplate });
  return identifyModel({ path, name, source: path }, { openEngine: async () => fakeEngine(), modelSha256 });
}

test('a run keeps its day, and only where the template asks for it', async () => {
  const dated = await identify('dated', `{{ strftime_now("%d %B %Y") }}${EACH}`);
  const plain = await identify('plain', EACH);
  assert.deepEqual(dated.promptDate('chat'), { promptDate: today() });
  assert.deepEqual(dated.promptDate('few-shot'), {});
  assert.deepEqual(plain.promptDate('chat'), {});
  const questions = { source: 'x', sha256: 'q', count: 1 };
  const open = async (date: { promptDate?: string }) => {
    const subject = { model: dated.identity, questions, seed: 1, ...date };
    const folder = await openRunFolder(join(root, 'run'), subject, { command: [] });
    folder.close();
    return folder.manifest.promptDate;
  };
  assert.equal(await open({ promptDate: '2025-10-03' }), '2025-10-03');
  assert.equal(await open({ promptDate: '2026-01-01' }), '2025-10-03', 'resumed on another day');
  assert.equal(readManifest(join(root, 'run'))?.promptDate, '2025-10-03');
  // A run from before there was such a field gets the day on which it goes on.
  const file = join(root, 'run', 'manifest.json');
  const { promptDate: _, ...older } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify(older));
  assert.equal(await open({ promptDate: '2026-01-01' }), '2026-01-01');
});

test('a detector asks on the day of its training', () => {
  const model: { name: string; promptDate?: string } = { name: 'm' };
  assert.equal(askedModel(model, {} as Detector), model);
  assert.deepEqual(askedModel(model, { promptDate: '2025-10-03' } as Detector), {
    name: 'm',
    promptDate: '2025-10-03',
  });
});
