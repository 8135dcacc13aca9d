import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.js';
import { tinyPair } from './support.js';

const folder = temporaryFolder();
const { model, detector } = await tinyPair(folder);

/** Runs a compiled example; what it prints. */
function run(name: string, ...more: string[]): string {
  return execFileSync(process.execPath, [join('dist', 'examples', `${name}.js`), detector, model, ...more], {
    encoding: 'utf8',
    timeout: 60_000,
  });
}

test('detect: a verdict, an interval and the spans of each answer', () => {
  const said = run('detect');
  assert.match(said, /^Lima: (faithful|hallucinated|uncertain), made up with probability \d+ %$/m);
  assert.match(said, /^ {2}95 % interval \d+ % to \d+ %$/m);
  assert.match(said, /^ {2}\d+ % {2}Arequipa$/m);
});

test('stream-with-risk: a line for each token, then the verdict', () => {
  const lines = run('stream-with-risk', 'Who?').trim().split('\n');
  assert.ok(lines.length >= 2);
  assert.match(lines[0], /^\d\.\d\d {2}"/);
  assert.match(lines.at(-1)!, /: (faithful|hallucinated|uncertain)$/);
});

test('steer: an answer at each alpha', () => {
  const said = run('steer', 'Who?');
  assert.match(said, /^2 H-Neurons$/m);
  for (const alpha of [0, 1, 2]) assert.match(said, new RegExp(`^alpha ${alpha}: `, 'm'));
});

test('export: the files that it names are there', () => {
  const out = join(folder, 'exported');
  const said = run('export', out);
  for (const name of ['adapter.gguf', 'model.gguf', 'neurons.json', 'neurons.csv']) {
    assert.ok(said.includes(name) && existsSync(join(out, name)), name);
  }
});

test('what the examples and the commands of the docs write is not shown as new by git', {
  skip: spawnSync('git', ['rev-parse', '--git-dir']).status !== 0,
}, () => {
  const defaults = [...readFileSync('examples/export.ts', 'utf8').matchAll(/folder = '([^']+)'/g)];
  assert.equal(defaults.length, 1);
  const documented = ['README.md', ...readdirSync('docs/engines').map((name) => `docs/engines/${name}`)];
  const outputs = documented.flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/hneurons export .*--out ([\w./-]+)/g)].map(([, out]) => out),
  );
  assert.ok(outputs.length > 8);
  for (const out of [defaults[0][1], ...outputs, 'runs/x/detector.json']) {
    const path = out === 'neurons' ? 'neurons.json' : `${out}${/\.\w+$/.test(out) ? '' : '/x'}`;
    assert.equal(spawnSync('git', ['check-ignore', '-q', path]).status, 0, path);
  }
});
