import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { OriginSchema } from '../../src/report/origin/schema.js';
import { detectorOf } from '../support/detector.js';
import { FFN, LAYERS, writeFfnGguf } from '../support/ffn-files.js';
import { temporaryFolder } from '../support/temporary.js';

/** `hneurons trace` as it is shipped, over quantised files whose weights alone are compared. */
const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));
const [base, instruct, detector] = ['base.gguf', 'instruct.gguf', 'detector.json'].map((name) =>
  join(root, name),
);

/** Says at the end, on the error output, how many worker threads there were. */
const COUNTING = `data:text/javascript,${encodeURIComponent(`
  import threads from 'node:worker_threads';
  import { syncBuiltinESMExports } from 'node:module';
  let count = 0;
  threads.Worker = class extends threads.Worker { constructor(...args) { super(...args); count++; } };
  syncBuiltinESMExports();
  process.on('exit', () => process.stderr.write('workers: ' + count));
`)}`;

function trace(...args: string[]) {
  const pair = ['--detector', detector, '--base', base, '--instruct', instruct, '--no-transfer'];
  const command = ['--import', COUNTING, bin, 'trace', ...pair, '--json', '--quiet', ...args];
  return spawnSync(process.execPath, command, { encoding: 'utf8', cwd: root });
}

before(async () => {
  await writeFfnGguf(base, { moved: false, type: 'Q4_0' });
  await writeFfnGguf(instruct, { moved: true, type: 'Q4_0' });
  const neurons: [number, number][] = [0, 7, 14, 21].map((j) => [j % LAYERS, j]);
  const made = detectorOf({ architecture: 'llama', layers: LAYERS, ffn: FFN, path: instruct }, neurons);
  writeFileSync(detector, JSON.stringify(made));
});

test('quantised files are compared and their rounding is estimated, again and again', () => {
  // Where a library comes to lie in memory is a matter of luck, so one run proves little.
  for (let time = 0; time < 5; time++) {
    const { status, signal, stdout, stderr } = trace('--threads', '2');
    assert.equal(signal ?? status, 0, stderr);
    const { drift } = OriginSchema.parse(JSON.parse(stdout));
    assert.ok(drift?.parts.every(({ noise }) => noise.base! > 0 && noise.instruct! > 0));
  }
});

test('--threads is the number of workers', () => {
  for (const threads of [1, 3]) {
    assert.match(trace('--threads', String(threads)).stderr, new RegExp(`workers: ${threads}$`));
  }
});
