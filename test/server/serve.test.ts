import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { modelSha256 } from '../../src/models/index.js';
import { riskDetector } from '../risk/support.js';
import { syntheticReport } from '../support/report.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';
import { eventually } from './support.js';

const folder = temporaryFolder();
const path = join(folder, 'tiny.gguf');
const { config } = await writeTinyModel(path, { architecture: 'llama', contextLength: 2048 });
const { architecture, layers, ffn } = config;
const sha256 = await modelSha256({ path, name: 'tiny', source: path }, {});
const detectorPath = join(folder, 'detector.json');
writeFileSync(
  detectorPath,
  JSON.stringify(riskDetector({ model: { name: 'tiny', sha256, architecture, layers, ffn } })),
);

interface Served {
  child: ChildProcess;
  said: { stdout: string; stderr: string };
  exit: Promise<number | null>;
}

/** `hneurons serve` for real, in a process of its own. */
function serve(args: string[], environment: Record<string, string> = {}): Served {
  const all = ['bin/hneurons.js', 'serve', '--model', path, '--device', 'cpu', '--threads', '1', ...args];
  const child = spawn(process.execPath, all, { env: { ...process.env, ...environment } });
  after(() => child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  }
  return { child, said, exit: new Promise((resolve) => child.once('close', resolve)) };
}

test('the command serves, says where, and ends cleanly on SIGTERM', async () => {
  const secret = 'never to be printed';
  const served = serve(['--detector', detectorPath, '--port', '0', '--json'], { HNEURONS_API_KEY: secret });
  assert.ok(await eventually(() => served.said.stdout.includes('}')), served.said.stderr);
  const { url } = JSON.parse(served.said.stdout) as { url: string };
  const body = JSON.stringify({ prompt: 'Hello', max_tokens: 400, temperature: 0, stream: true });
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${secret}` };
  const answer = await fetch(`${url}/v1/completions`, { method: 'POST', body, headers });
  served.child.kill('SIGTERM');
  const text = await answer.text();
  assert.match(text, /"finish_reason":"(length|stop)".*"hneurons"/);
  assert.ok(text.endsWith('data: [DONE]\n\n'));
  assert.equal(await served.exit, 0);
  assert.match(served.said.stderr, /finishing what is under way/);
  assert.ok(!(served.said.stdout + served.said.stderr).includes(secret));
});

test('serve says that its detector failed its own test, and which option has no effect', async () => {
  const weak = temporaryFolder();
  const report = syntheticReport();
  const details = 'AUROC .55 against .65.';
  const verdict = {
    ...report.verdict,
    outcome: 'does-not-beat',
    headline: 'It does not beat chance',
    details,
  };
  writeFileSync(join(weak, 'report.json'), JSON.stringify({ ...report, verdict }));
  copyFileSync(detectorPath, join(weak, 'detector.json'));
  const warned = serve(['--detector', join(weak, 'detector.json'), '--port', '0']);
  const plain = serve(['--cache', 'exact', '--port', '0']);
  for (const { said } of [warned, plain]) assert.ok(await eventually(() => said.stdout.includes('http')));
  assert.match(
    warned.said.stderr,
    /^hneurons: warning: It does not beat chance: AUROC \.55 against \.65\.$/m,
  );
  assert.match(plain.said.stderr, /^hneurons: --cache exact has no effect without --detector/m);
  for (const { child, exit } of [warned, plain]) {
    child.kill('SIGTERM');
    assert.equal(await exit, 0);
  }
});

test('a second signal ends at once', async () => {
  const served = serve(['--port', '0', '--context', '1900']);
  assert.ok(await eventually(() => served.said.stdout.includes('http')), served.said.stderr);
  const answer = await fetch(`${served.said.stdout.trim()}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'Hello', max_tokens: 1800, n: 8, stream: true }),
    headers: { 'content-type': 'application/json' },
  });
  const reading = answer.text().catch(() => 'cut');
  served.child.kill('SIGTERM');
  assert.ok(await eventually(() => served.said.stderr.includes('stop again')));
  served.child.kill('SIGTERM');
  assert.equal(await served.exit, 130);
  await reading;
});

test('mistakes are one line, and an open door is warned of', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const taken = serve(['--port', String(port)]);
  const open = serve(['--port', '0', '--host', '0.0.0.0']);
  const wrong = serve(['--port', '0', '--cors', '*']);
  assert.equal(await taken.exit, 1);
  assert.match(
    taken.said.stderr,
    /^hneurons: cannot listen on .*the port is in use; choose another with --port\n$/m,
  );
  assert.equal(await wrong.exit, 2);
  assert.match(wrong.said.stderr, /origin such as/);
  assert.ok(await eventually(() => open.said.stdout.includes('http')));
  assert.match(open.said.stderr, /warning: anyone who reaches 0\.0\.0\.0/);
  open.child.kill('SIGTERM');
  assert.equal(await open.exit, 0);
  other.close();
});
