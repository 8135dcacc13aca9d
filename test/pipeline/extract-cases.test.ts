import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadCases } from '../../src/pipeline/extract-cases.js';
import { expectUserError } from '../support/expect-user-error.js';
import { fakeEngine } from '../support/fake-engine.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();

test('a case that no model reads is refused with its line, before it reaches the model', async () => {
  const engine = fakeEngine({});
  const path = join(folder, 'cases.jsonl');
  const good = { prompt: 'Capital of Peru?', response: 'Lima', answer: 'Lima' };
  const long = 'x'.repeat((1 << 20) + 1);
  for (const [bad, reason] of [
    [{ ...good, prompt: long }, /cases\.jsonl, line 2: its prompt is longer than 1,048,576 characters$/],
    [{ ...good, response: `Lima ${long}` }, /line 2: its response is longer than 1,048,576 characters$/],
    [{ ...good, prompt: long.repeat(9) }, /line 2: longer than 8 MiB$/],
  ] as const) {
    writeFileSync(path, `${JSON.stringify(good)}\n${JSON.stringify(bad)}\n`);
    const refused = { ...engine, tokenize: () => assert.fail('the model was asked') };
    await expectUserError(() => loadCases(path, refused), reason);
  }
  writeFileSync(path, `${JSON.stringify(good)}\n`);
  assert.equal((await loadCases(path, engine)).length, 1);
});
