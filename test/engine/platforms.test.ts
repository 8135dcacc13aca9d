import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { CPU_BACKEND_FUNCTIONS, FUNCTIONS, functionName } from '../../src/engine/native/functions.js';
import { EXTENSIONS, PACKAGE_VERSION, PACKAGES } from '../../src/engine/native/locate.js';
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

it('each package of the pinned release exports what is bound, is for its processor, and finds its own libraries', () => {
  const names = Object.values(PACKAGES).flatMap((byDevice) => Object.values(byDevice));
  assert.equal(platformRecord.pinned, PACKAGE_VERSION, RUN_AGAIN);
  for (const name of [...names, ...Object.values(EXTENSIONS)]) {
    const found = platformRecord.packages[`${name}@${PACKAGE_VERSION}`];
    assert.ok(found, `${name}: ${RUN_AGAIN}`);
    assert.deepEqual([...found.missing, ...found.unresolved], [], name);
    assert.ok(name.includes(found.machine), `${name} is for ${found.machine}`);
  }
});

it('the newest release lacks nothing that is bound, on the platforms that it exists for', () => {
  const newest = Object.entries(platformRecord.packages).filter(([key]) =>
    key.endsWith(platformRecord.newest),
  );
  const published = newest.filter(([key, found]) => found !== null && !key.startsWith('linux-armv7l'));
  assert.ok(published.length > 0);
  for (const [key, found] of published) assert.deepEqual([...found!.missing, ...found!.unresolved], [], key);
});

it('package.json installs the CPU packages, all of the pinned version', () => {
  const { optionalDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const pins = Object.entries<string>(optionalDependencies).filter(([name]) =>
    name.startsWith('@node-llama-cpp/'),
  );
  const known = Object.values(PACKAGES).map(({ cpu }) => cpu);
  for (const [name, version] of pins) {
    assert.equal(version, PACKAGE_VERSION, name);
    assert.ok(known.includes(name.slice('@node-llama-cpp/'.length)), name);
  }
  assert.equal(pins.length, 6);
});
