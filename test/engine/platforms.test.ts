import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { CPU_BACKEND_FUNCTIONS, FUNCTIONS, functionName } from '../../src/engine/native/functions.js';
import { EXTENSIONS, PACKAGE_VERSIONS, PACKAGES } from '../../src/engine/native/locate.js';
import { platformRecord } from '../support/platforms.js';

const RUN_AGAIN = 'run "node scripts/platforms/check.js" and commit test/fixtures/platforms.json';
const bound = Object.values(FUNCTIONS).flatMap((definitions) =>
  Object.values<string>(definitions).map(functionName),
);

it('every bound function has been looked for in the export tables of every package', () => {
  const checked = [...bound, ...Object.values(CPU_BACKEND_FUNCTIONS)].sort();
  assert.deepEqual(platformRecord.functions, checked, RUN_AGAIN);
  assert.equal(new Set(checked).size, checked.length, 'a function is bound twice');
});

it('no C function of llama.cpp is bound outside the table', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const found = files
    .filter((name) => !name.endsWith(join('native', 'functions.ts')))
    .flatMap(
      (name) =>
        readFileSync(join('src', name), 'utf8').match(/(?<=["'`][^"'`\n]*)\b(llama|ggml)_\w+(?=\()/g) ?? [],
    );
  assert.deepEqual(found, []);
});

it('each package exports what is bound, is for its processor, and finds its own libraries', () => {
  for (const [platform, byDevice] of Object.entries(PACKAGES))
    for (const name of Object.values(byDevice))
      for (const each of [name, EXTENSIONS[name]].filter((known) => known !== undefined)) {
        const pinned = platformRecord.packages[`${each}@${PACKAGE_VERSIONS[platform]}`];
        assert.ok(pinned, `${each}: ${RUN_AGAIN}`);
        for (const version of platformRecord.versions) {
          const found = platformRecord.packages[`${each}@${version}`];
          if (!found) continue;
          assert.deepEqual([...found.missing, ...found.unresolved], [], `${each} ${version}`);
          assert.equal(found.machine, platform.split('-')[1], `${each} ${version}`);
        }
      }
});

it('package.json installs the CPU packages, each in the version for its platform', () => {
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const expected = Object.entries(PACKAGES)
    .filter(([platform]) => platform !== 'linux-riscv64')
    .map(([platform, { cpu }]) => [`@node-llama-cpp/${cpu}`, PACKAGE_VERSIONS[platform]]);
  assert.deepEqual(optionalDependencies, Object.fromEntries(expected));
});
