import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeFfnGguf } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

const folder = temporaryFolder();
const child = fileURLToPath(new URL('../support/drift-child.js', import.meta.url));

test('quantised files are compared in a process that has not loaded the library before, again and again', async () => {
  const files = await Promise.all(
    [false, true].map((moved) => writeFfnGguf(join(folder, `${moved}.gguf`), { moved, type: 'Q4_0' })),
  );
  // Whether a library comes back at its old address is a matter of luck, so one run proves little.
  for (let time = 0; time < 6; time++) {
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, ...files], {
      encoding: 'utf8',
    });
    assert.equal(signal ?? status, 0, stderr);
    const { compared, held } = JSON.parse(stdout);
    assert.equal(compared, 3);
    if (process.platform === 'linux') assert.ok(held, 'the library is gone when the workers have ended');
  }
});
