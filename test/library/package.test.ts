import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

const folder = temporaryFolder();
const root = join(folder, 'node_modules');
const own = join(root, 'hneurons');
const { version, dependencies, optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';

// What would be published, unpacked into an empty folder. Only what it declares as a dependency is there beside it.
const [{ filename }] = JSON.parse(
  execFileSync(npm, ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    encoding: 'utf8',
  }),
);
mkdirSync(own, { recursive: true });
execFileSync('tar', ['-xzf', join(folder, filename), '-C', own, '--strip-components=1']);
for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
  if (!existsSync(join('node_modules', name))) continue;
  mkdirSync(dirname(join(root, name)), { recursive: true });
  symlinkSync(join(process.cwd(), 'node_modules', name), join(root, name), 'dir');
}
writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
const run = (...args: string[]) =>
  execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });

test('the packed command line runs in an empty folder', () => {
  const bin = join(own, 'bin', 'hneurons.js');
  assert.match(run(bin, '--version'), new RegExp(`^hneurons ${version.replaceAll('.', '\\.')},`));
  const help = run(bin, '--help');
  for (const command of ['find', 'score', 'serve']) assert.match(help, new RegExp(`^ {2}${command}\\b`, 'm'));
  assert.match(run(bin, 'models', '--json'), /gemma-3-270m/);
});

test('the packed library can be imported and opens a model, and its types are there', async () => {
  const program = "import { Detector, find, Model, sentences } from 'hneurons';";
  const { path } = await writeTinyModel(join(folder, 'tiny.gguf'), { architecture: 'llama' });
  const use = `const model = await Model.open(${JSON.stringify(path)}, { threads: 1 }); console.log(model.info.layers); await model.close();`;
  assert.equal(run('--input-type=module', '-e', `${program} ${use}`), '3\n');
  assert.equal(
    run(
      '--input-type=module',
      '-e',
      `${program} console.log(typeof Model.open, sentences('A b. C d.').length)`,
    ),
    'function 2\n',
  );
  writeFileSync(
    join(folder, 'use.ts'),
    `${program}\nconst risk: number | null = (await (await Detector.load('x')).score(await Model.open('y'), []))[0].probability;\nvoid [find, risk, sentences];\n// @ts-expect-error\nModel.open(5);\n`,
  );
  const types = join(process.cwd(), 'node_modules', '@types');
  const tsc = join(process.cwd(), 'node_modules', 'typescript', 'bin', 'tsc');
  run(
    tsc,
    'use.ts',
    ...'--noEmit --strict --skipLibCheck --target es2022 --module nodenext --types node --typeRoots'.split(
      ' ',
    ),
    types,
  );
});

test('only what is of use is packed, and source maps bring their sources', () => {
  const files = readdirSync(own, { recursive: true, encoding: 'utf8' });
  const odd = files.filter(
    (name) => !/^(bin|dist|docs|examples|package\.json|README\.md|ARCHITECTURE\.md|LICENSE)/.test(name),
  );
  assert.deepEqual(odd, []);
  assert.ok(!files.some((name) => /^dist\/(test|bench|examples)/.test(name)));
  // The page is built by `npm run build`, not by the compiler alone.
  assert.equal(existsSync(join(own, 'dist/web/index.html')), existsSync('dist/web/index.html'));
  const maps = files.filter((name) => name.endsWith('.js.map'));
  assert.ok(maps.length > 0);
  for (const name of maps) {
    const { sources, sourcesContent } = JSON.parse(readFileSync(join(own, name), 'utf8'));
    assert.equal(sourcesContent?.length, sources.length, name);
  }
});

test('what the packed README and pages link to is packed with them', () => {
  const pages = readdirSync(own, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.md') && !name.startsWith('dist'),
  );
  assert.ok(pages.length > 10);
  let links = 0;
  for (const page of pages) {
    for (const [, target] of readFileSync(join(own, page), 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links++;
      assert.ok(existsSync(join(own, dirname(page), target)), `${page} links to ${target}`);
    }
  }
  assert.ok(links > 20, String(links));
});

test('the reference in docs/api.md is made from the docstrings as they are', () => {
  execFileSync(process.execPath, ['scripts/api-docs.js', '--check'], { encoding: 'utf8', timeout: 60_000 });
});
