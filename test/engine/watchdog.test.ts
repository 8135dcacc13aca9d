import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { probeLimit, processorTime, stalled } from '../../src/engine/host/watchdog.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();

it('the time for the first tokens grows with the model; only processor time counts where the system tells it', () => {
  assert.equal(probeLimit(0), 600_000);
  assert.equal(probeLimit(40e9), 600_000 + 40e6);
  const stat = '77 (node (x) y) R 1 77 77 0 -1 4194304 900 0 0 0 1234 66 0 0 20 0 11 0 5 6 7';
  assert.equal(processorTime(stat, 0, 5), 13_000);
  assert.equal(processorTime(undefined, 100, 350), 250);
  assert.match(stalled('m.gguf', 600_000).message, /^m\.gguf: .* 10 minutes of processor time: .*damaged/);
});

it('a native process that is busy or stopped goes with its parent', {
  skip: process.platform !== 'linux',
}, async () => {
  const { path } = await writeTinyModel(join(folder, 'm.gguf'), { architecture: 'llama', layers: 1 });
  const script = `
import { openEngine } from ${JSON.stringify(new URL('../../src/engine/index.js', import.meta.url).href)};
const engine = await openEngine({ modelPath: ${JSON.stringify(path)}, device: 'cpu', threads: 1 });
console.log(engine.process.pid);
setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) =>
    parent.stdout.once('data', (text: Buffer) => resolve(Number(text.toString()))),
  );
  // A stopped process runs nothing: as little as one inside a long native call does it notice that its channel is closed.
  process.kill(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
});

/** A zombie is no live process: nobody may be there to wait for it. */
function alive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  return !/^State:\s+Z/m.test(readText(`/proc/${pid}/status`));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return 'State: Z';
  }
}
