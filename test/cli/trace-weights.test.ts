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

/**
 * Says at the end, on the error output, how many worker threads there were, and whether (Linux) the library that they decode with was
 * still in memory when each had ended: where it comes to lie the next time, and so whether that ends the process, is a matter of luck.
 */
const WATCH = `data:text/javascript,${encodeURIComponent(`
  import { readFileSync } from 'node:fs';
  import threads from 'node:worker_threads';
  import { syncBuiltinESMExports } from 'node:module';
  let [workers, held] = [0, true];
  threads.Worker = class extends threads.Worker {
    constructor(...args) {
      super(...args);
      workers++;
      this.on('exit', () => {
        if (process.platform === 'linux') held &&= readFileSync('/proc/self/maps', 'utf8').includes('ggml-base');
      });
    }
  };
  syncBuiltinESMExports();
  process.on('exit', () => process.stderr.write(JSON.stringify({ workers, held })));
`)}`;

function trace(...args: string[]) {
  const pair = ['--detector', detector, '--base', base, '--instruct', instruct, '--no-transfer'];
  const command = ['--import', WATCH, bin, 'trace', ...pair, '--json', '--quiet', ...args];
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
  for (let time = 0; time < 4; time++) {
    const { status, signal, stdout, stderr } = trace('--threads', '2');
    assert.equal(signal ?? status, 0, stderr);
    const { drift } = OriginSchema.parse(JSON.parse(stdout));
    assert.ok(drift?.parts.every(({ noise }) => noise.base! > 0 && noise.instruct! > 0));
    assert.deepEqual(JSON.parse(stderr), { workers: 2, held: true });
  }
});

test('--threads is the number of workers', () => {
  for (const threads of [1, 3]) {
    assert.equal(JSON.parse(trace('--threads', String(threads)).stderr).workers, threads);
  }
});
