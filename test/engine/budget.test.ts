import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Budget,
  type Job,
  type MemoryPlan,
  type ModelShape,
  planBudget,
} from '../../src/engine/native/budget.js';
import { placeLayers, weightsOnGpus } from '../../src/engine/native/placement.js';

const GIB = 2 ** 30;
const SHAPES = {
  'Gemma 270M': { layers: 18, hidden: 640, ffn: 2048, vocab: 262144, heads: 4, cellValues: 512 },
  'SmolLM2 135M': { layers: 30, hidden: 576, ffn: 1536, vocab: 49152, heads: 9, cellValues: 384 },
  'Llama 8B': { layers: 32, hidden: 4096, ffn: 14336, vocab: 128256, heads: 32, cellValues: 2048 },
  'Llama 70B': { layers: 80, hidden: 8192, ffn: 28672, vocab: 128256, heads: 64, cellValues: 2048 },
  tiny: { layers: 3, hidden: 64, ffn: 96, vocab: 300, heads: 4, cellValues: 64 },
} satisfies Record<string, ModelShape>;
type Name = keyof typeof SHAPES;

const plan = (shape: ModelShape, rest: Partial<MemoryPlan>): MemoryPlan => ({
  gpus: [],
  hostLayers: rest.gpus ? 0 : shape.layers,
  maxSequences: 256,
  ...rest,
});
const budget = (name: Name, job: Job, rest: Partial<MemoryPlan> = {}) =>
  planBudget(SHAPES[name], plan(SHAPES[name], rest), job);
const inOrder = ({ cells, rows, outputs, sequences }: Budget) => [cells, rows, outputs, sequences];

describe('in host memory the sizes are those of older runs: the batch enters results on quantised files', () => {
  // Cells, rows, outputs, sequences.
  const table: [Name, Job, number[]][] = [
    ['Gemma 270M', 'read', [4096, 192, 192, 192]],
    ['Gemma 270M', 'score', [4096, 192, 192, 192]],
    ['Gemma 270M', 'sample', [14563, 256, 192, 192]],
    ['Gemma 270M', 'live', [14563, 256, 192, 192]],
    ['Gemma 270M', 'live-exact', [7281, 256, 192, 192]],
    ['SmolLM2 135M', 'read', [4096, 512, 512, 255]],
    ['SmolLM2 135M', 'sample', [11650, 256, 512, 255]],
    ['SmolLM2 135M', 'live-exact', [5825, 256, 512, 255]],
    ['Llama 8B', 'read', [1024, 392, 392, 255]],
    ['Llama 8B', 'sample', [2048, 256, 392, 255]],
    ['Llama 70B', 'read', [1024, 392, 392, 255]],
    ['Llama 70B', 'sample', [1024, 256, 392, 255]],
    ['tiny', 'read', [4096, 512, 512, 255]],
    ['tiny', 'sample', [16384, 256, 512, 255]],
  ];
  for (const [name, job, want] of table)
    it(`${name}, ${job}`, () => {
      assert.deepEqual(inOrder(budget(name, job)), want);
      assert.deepEqual(inOrder(budget(name, job, { limit: GIB })), want, 'the default is 1 GiB');
    });
});

const one = (weights: number, free: number, layers: number) => [
  { layers, output: true, weights: weights * GIB, free: free * GIB },
];
const GPUS: Record<string, { name: Name; rest: Partial<MemoryPlan>; want: Partial<Record<Job, number[]>> }> =
  {
    '270M on 4 GB': {
      name: 'Gemma 270M',
      rest: { gpus: one(0.3, 3.8, 18) },
      want: { read: [16384, 256, 256, 255], sample: [32768, 512, 256, 255] },
    },
    '8B Q4 on 24 GB': {
      name: 'Llama 8B',
      rest: { gpus: one(4.6, 23.5, 32) },
      want: { read: [16384, 512, 512, 255], sample: [65536, 512, 512, 255] },
    },
    '8B F16 on 24 GB': {
      name: 'Llama 8B',
      rest: { gpus: one(15, 23.5, 32) },
      want: { read: [8192, 512, 512, 255], sample: [16384, 512, 512, 255] },
    },
    '70B Q4 on 141 GB': {
      name: 'Llama 70B',
      rest: { gpus: one(40, 139, 80) },
      want: { read: [16384, 512, 512, 255], sample: [131072, 512, 512, 255] },
    },
    '70B Q4 on 2 x 80 GB': {
      name: 'Llama 70B',
      rest: {
        gpus: [
          { layers: 40, output: false, weights: 19.7 * GIB, free: 79 * GIB },
          { layers: 40, output: true, weights: 20.3 * GIB, free: 79 * GIB },
        ],
      },
      want: { read: [16384, 512, 512, 255], sample: [131072, 512, 512, 255] },
    },
    '8B Q4, 20 of 32 layers on 8 GB': {
      name: 'Llama 8B',
      rest: { gpus: one(3.1, 7.5, 20), hostLayers: 12 },
      want: { read: [2048, 512, 512, 255], sample: [4096, 512, 512, 255] },
    },
    '8B Q4 on a GPU that is full': {
      name: 'Llama 8B',
      rest: { gpus: one(4.6, 5, 32) },
      want: { read: [1024, 16, 16, 16], sample: [1024, 16, 16, 16] },
    },
  };

describe('on a GPU the sizes follow its free memory', () => {
  for (const [title, { name, rest, want }] of Object.entries(GPUS))
    it(title, () => {
      for (const [job, sizes] of Object.entries(want))
        assert.deepEqual(inOrder(budget(name, job as Job, rest)), sizes, job);
    });

  it('what a context takes fits beside the weights, and two contexts do', () => {
    for (const [title, { name, rest }] of Object.entries(GPUS)) {
      if (title.endsWith('full')) continue;
      const { heads, cellValues, vocab } = SHAPES[name];
      for (const job of ['read', 'sample', 'live-exact'] as const)
        for (const { layers, output, weights, free } of rest.gpus!) {
          const { cells, rows, outputs } = budget(name, job, rest);
          const cache = cells * layers * cellValues * (job === 'sample' ? 2 : 4);
          const scores = job === 'sample' ? 0 : 2 * rows * cells * heads * 4;
          const logits = output ? outputs * vocab * 4 : 0;
          assert.ok(2 * (cache + scores + logits) < free - weights, `${title}, ${job}`);
        }
    }
  });

  it('some MB more or less that others have taken change nothing', () => {
    for (const megabytes of [1, 10, 40]) {
      const rest = { gpus: one(4.6, 23.5 - megabytes / 1024, 32) };
      for (const job of ['read', 'score', 'sample'] as const)
        assert.deepEqual(budget('Llama 8B', job, rest), budget('Llama 8B', job, GPUS['8B Q4 on 24 GB'].rest));
    }
  });
});

it('a limit makes contexts larger in host memory, and smaller on a GPU', () => {
  assert.deepEqual(inOrder(budget('Llama 8B', 'sample', { limit: 8 * GIB })), [16384, 256, 512, 255]);
  assert.deepEqual(inOrder(budget('Llama 8B', 'sample', { limit: GIB / 4 })), [1024, 256, 98, 98]);
  const { rest } = GPUS['70B Q4 on 2 x 80 GB'];
  assert.equal(budget('Llama 70B', 'sample', { ...rest, limit: 8 * GIB }).cells, 8192);
  assert.deepEqual(
    budget('Llama 70B', 'sample', { ...rest, limit: 1000 * GIB }),
    budget('Llama 70B', 'sample', rest),
    'never more than is free',
  );
});

it('layers go to GPUs as llama.cpp puts them there', () => {
  assert.deepEqual(placeLayers(4, -1, []).places, [-1, -1, -1, -1, -1]);
  assert.deepEqual(placeLayers(4, 0, [1]).places, [-1, -1, -1, -1, -1]);
  assert.deepEqual(placeLayers(4, 1, [1]).places, [-1, -1, -1, -1, 0]);
  assert.deepEqual(placeLayers(4, 3, [1]).places, [-1, -1, 0, 0, 0]);
  assert.deepEqual(placeLayers(4, -1, [1, 1]).places, [0, 0, 0, 1, 1]);
  assert.deepEqual(placeLayers(80, 99, [3, 1]).gpuLayers, [61, 19]);
  assert.deepEqual(placeLayers(4, -1, [0, 1]).gpuLayers, [0, 4]);
  const tensors = [
    { name: 'token_embd.weight', bytes: 100 },
    { name: 'blk.0.ffn_up.weight', bytes: 7 },
    { name: 'blk.1.ffn_up.weight', bytes: 7 },
    { name: 'output_norm.weight', bytes: 1 },
  ];
  assert.deepEqual(weightsOnGpus(placeLayers(2, 2, [1]), tensors), [108]);
  assert.deepEqual(
    weightsOnGpus(placeLayers(2, 2, [1]), [...tensors, { name: 'output.weight', bytes: 50 }]),
    [58],
  );
  assert.deepEqual(weightsOnGpus(placeLayers(2, -1, [1, 1]), tensors), [14, 101]);
});
