import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinctNames } from '../../src/pipeline/trace/names.js';

const named = (...models: [name: string, path: string][]) =>
  distinctNames(models.map(([name, path]) => ({ name, path })));

test('models of one name are told apart by the nearest folder that differs', () => {
  assert.deepEqual(named(['model', '/t/step1/model.gguf'], ['model', '/t/step2/model.gguf']), [
    'step1/model',
    'step2/model',
  ]);
  assert.deepEqual(named(['x', '/a/step1/x.gguf'], ['x', '/b/step1/x.gguf'], ['y', '/b/step1/y.gguf']), [
    'a/x',
    'b/x',
    'y',
  ]);
});

test('where no folder tells them apart, a number does', () => {
  assert.deepEqual(named(['x', '/a/x.gguf'], ['x', '/a/x.gguf']), ['x', 'x-2']);
  // What would share a file name counts as one name, also where the file system ignores case.
  assert.deepEqual(named(['a b', '/s/a b.gguf'], ['A-b', '/s/A-b.gguf']), ['a b', 'A-b-2']);
  assert.deepEqual(named(['x', '/p/x.gguf'], ['x', '/q/x.gguf'], ['p-x', '/r/p-x.gguf']), [
    'p/x',
    'q/x',
    'p-x-2',
  ]);
});
