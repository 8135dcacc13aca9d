import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectModel } from '../../src/models/select.js';

const files = [
  'model-Q4_K_M.gguf',
  'model-Q4_K_S.gguf',
  'model-UD-Q4_K_XL.gguf',
  'model.IQ4_XS.gguf',
  'model_Q8_0.gguf',
  'BF16/model-BF16-00001-of-00002.gguf',
  'BF16/model-BF16-00002-of-00002.gguf',
  'F32/model-F32-00001-of-00003.gguf',
  'mmproj-Q6_K.gguf',
  'README.md',
].map((path) => ({ path }));

const chosen = (selector?: string) => selectModel(files, selector, 'o/r').files.map(({ path }) => path);

test('a quantisation is a whole word of the name, in any case', () => {
  assert.deepEqual(chosen('Q4_K_M'), ['model-Q4_K_M.gguf']);
  assert.deepEqual(chosen('q8_0'), ['model_Q8_0.gguf']);
  assert.deepEqual(chosen('IQ4_XS'), ['model.IQ4_XS.gguf']);
  assert.deepEqual(chosen('Q4_K_XL'), ['model-UD-Q4_K_XL.gguf']);
  assert.throws(() => chosen('Q4_K'), /no GGUF that fits ":Q4_K"; it has .*model-Q4_K_M\.gguf/);
  assert.throws(() => chosen('Q4.K.M'), /no GGUF that fits/);
  assert.throws(() => chosen('('), /no GGUF that fits/);
});

test('shards belong together, and a missing one is noticed', () => {
  const both = ['BF16/model-BF16-00001-of-00002.gguf', 'BF16/model-BF16-00002-of-00002.gguf'];
  assert.deepEqual(chosen('BF16'), both);
  assert.deepEqual(chosen('model-BF16-00002-of-00002.gguf'), both);
  assert.throws(() => chosen('F32'), /only 1 of the 3 parts/);
});

test('files go by path or name; projectors only when named in full', () => {
  assert.deepEqual(chosen('model.IQ4_XS.gguf'), ['model.IQ4_XS.gguf']);
  assert.deepEqual(chosen('mmproj-Q6_K.gguf'), ['mmproj-Q6_K.gguf']);
  assert.throws(() => chosen('Q6_K'), /no GGUF that fits/);
});

test('several candidates are listed, not guessed', () => {
  assert.throws(
    () => chosen(),
    /several GGUF files; name one as hf:o\/r:FILE.*\(2 parts\).*model_Q8_0\.gguf$/,
  );
  assert.throws(() => selectModel([{ path: 'model.safetensors' }], undefined, 'o/r'), /no GGUF file/);
});
