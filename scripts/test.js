/** Runs the compiled tests with Node's own runner: `node scripts/test.js [part of a path ...]` */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const wanted = process.argv.slice(2);
const files = readdirSync('dist/test', { recursive: true })
  .filter((name) => name.endsWith('.test.js'))
  .map((name) => join('dist/test', name))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(2);
}
// By default Node leaves one core idle, which on two cores doubles the time.
const [major, minor] = process.versions.node.split('.').map(Number);
const together = major > 20 || minor >= 10 ? [`--test-concurrency=${availableParallelism()}`] : [];
const reporter = ['--test-reporter=./scripts/reporter.js', '--test-reporter-destination=stdout'];
// What is printed is compared with plain text, whatever the terminal or the CI machine says of colours.
const { FORCE_COLOR: _, ...env } = { ...process.env, NO_COLOR: '1' };
const run = spawnSync(process.execPath, ['--test', ...together, ...reporter, ...files], {
  stdio: 'inherit',
  env,
});
process.exit(run.status ?? 1);
