import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Gpu, planGpus, type SplitWish } from '../../src/engine/native/devices.js';
import type { Device } from '../../src/engine/types.js';
import { UserError } from '../../src/errors.js';

const gpus = (count: number): Gpu[] =>
  Array.from({ length: count }, (_, i) => ({
    pointer: BigInt(100 + i),
    description: `GPU ${i}`,
    backend: 'CUDA',
    free: 1e9,
  }));
const plan = (count: number, wish: SplitWish, device: Device = 'cuda') => {
  const { gpus: used, ...rest } = planGpus(gpus(count), device, wish)!;
  return { used: used.map(({ description }) => description.slice(4)).join(), ...rest };
};

it('GPUs are shared as llama.cpp shares them', () => {
  const all = { used: '0,1', mode: 'layer', split: undefined, mainGpu: 0 };
  assert.deepEqual(plan(2, {}), all);
  assert.deepEqual(plan(2, { split: [3, 1] }), { ...all, split: [3, 1] });
  assert.deepEqual(plan(2, { splitMode: 'none' }), { ...all, used: '0', mode: 'none' });
  assert.deepEqual(plan(2, { mainGpu: 1 }), { ...all, used: '1', mode: 'none' });
  assert.deepEqual(plan(2, { splitMode: 'row', mainGpu: 1 }), { ...all, mode: 'row', mainGpu: 1 });
});

it('without a GPU auto and cpu run on the CPU', () => {
  assert.equal(planGpus([], 'auto', {}), undefined);
  assert.equal(planGpus(gpus(1), 'cpu', {}), undefined);
});

const refused: [number, Device, SplitWish, RegExp][] = [
  [0, 'auto', { mainGpu: 0 }, /no GPU is in use/],
  [2, 'cpu', { split: [1, 1] }, /no GPU is in use/],
  [2, 'cuda', { mainGpu: 2 }, /main GPU 2 does not exist: there are 2/],
  [2, 'cuda', { splitMode: 'layer', mainGpu: 1 }, /choose split mode none or row/],
  [2, 'cuda', { split: [3, 1], mainGpu: 1 }, /choose split mode none or row/],
  [2, 'cuda', { splitMode: 'none', split: [3, 1] }, /split mode none uses one GPU/],
  [2, 'cuda', { split: [1, 1, 1] }, /3 proportions do not fit: there are 2 GPUs/],
];
for (const [count, device, wish, message] of refused)
  it(`refused: ${JSON.stringify(wish)} on ${count} GPUs with ${device}`, () => {
    assert.throws(
      () => planGpus(gpus(count), device, wish),
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
