import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Engine, type EngineOptions, openEngine, type Steering } from '../../src/engine/index.js';
import { type DecidedRequest, decidedRequest } from '../support/decided.js';
import { distance } from '../support/distance.js';
import { readAll, someTokens } from '../support/engines.js';
import { expectUserError } from '../support/expect-user-error.js';
import { GREEDY, generate, idsOf, readAnswer } from '../support/live.js';
import { temporaryFolder } from '../support/temporary.js';
import { type TinyArchitecture, writeTinyModel } from '../support/tiny-models.js';
import { vulkanIsMissing } from '../support/vulkan.js';

/** Tensors here lie in device memory, also where the driver runs on the CPU: nothing may take them for host memory. */
const skip = vulkanIsMissing();
const folder = temporaryFolder();
const LAYERS = 4;
const FFN = 96;
/** In all layers, so that with half of them on the GPU some lie on each side. */
const NEURONS = [5, FFN + 17, 2 * FFN + 40, 3 * FFN + 3, LAYERS * FFN - 1];
const STEERINGS: (Steering | undefined)[] = [
  undefined,
  { neurons: NEURONS, alpha: 0 },
  { neurons: NEURONS.slice(0, 2), alpha: 3 },
];
/** All layers and the output matrix; none but this; half of the layers and this. */
const offloads = (architecture: TinyArchitecture) =>
  architecture === 'llama' || architecture === 'gemma3' ? [undefined, 1, 3] : [undefined, 1];

/** Products in float16 precision: that is what Vulkan's shaders compute batches of float32 weights in. */
const TOLERANCE = 2e-3;

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return Array.from(a).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]) / Math.max(1, Math.abs(b[i]))),
    0,
  );
}

async function withEngines<T>(
  path: string,
  options: Partial<EngineOptions>,
  work: (gpu: Engine, cpu: Engine) => Promise<T>,
): Promise<T> {
  const gpu = await openEngine({ modelPath: path, device: 'vulkan', threads: 1, ...options });
  const cpu = await openEngine({ modelPath: path, device: 'cpu', threads: 1 });
  try {
    return await work(gpu, cpu);
  } finally {
    await Promise.all([gpu.close(), cpu.close()]);
  }
}

const write = (architecture: TinyArchitecture) =>
  writeTinyModel(join(folder, `${architecture}.gguf`), { architecture, layers: LAYERS });

async function greedy(engine: Engine, prompts: number[][]): Promise<number[][]> {
  const answers: number[][] = [];
  let next = 0;
  await engine.sample({
    settings: { ...GREEDY, maxTokens: 8 },
    next: () =>
      next < prompts.length ? { id: String(next), prompt: prompts[next++], samples: 1 } : undefined,
    onResult: ({ id, samples }) => {
      answers[Number(id)] = samples[0].tokens;
    },
  });
  return answers;
}

async function compareReads(gpu: Engine, cpu: Engine): Promise<void> {
  const { vocab } = gpu.model;
  const cases = [45, 20, 7].map((length, i) => ({
    id: String(i),
    tokens: someTokens(length, vocab, i + 1),
    masks: [[[2, length]] as [number, number][]],
  }));
  const options = { neurons: NEURONS, residual: 0 };
  const [got, want] = [await readAll(gpu, cases, options), await readAll(cpu, cases, options)];
  for (const [i, one] of got.entries()) {
    assert.ok(distance(one.means[0], want[i].means[0]) <= 1e-6, `mean CETT of case ${i}`);
    assert.ok(worst(one.raw!, want[i].raw!) <= TOLERANCE, `CETT of each token of case ${i}`);
    assert.ok(distance(one.residual!, want[i].residual!) <= 2e-6, `residual stream of case ${i}`);
  }
}

async function compareSteering(gpu: Engine, cpu: Engine): Promise<void> {
  const tokens = someTokens(40, gpu.model.vocab, 5);
  const plain = await cpu.logits(tokens);
  for (const steering of STEERINGS.slice(1)) {
    const [got, want] = [await gpu.logits(tokens, steering), await cpu.logits(tokens, steering)];
    const moved = worst(want, plain);
    assert.ok(moved > 0.1, `alpha ${steering?.alpha} moves the logits by ${moved}`);
    assert.ok(worst(got, want) < 0.1 * moved, `alpha ${steering?.alpha}: ${worst(got, want)} of ${moved}`);
  }
}

/** Prompts of many tokens and of few, and steerings in turn: the graph and its copies of weights differ from step to step. */
async function compareLive(gpu: Engine, cpu: Engine): Promise<void> {
  const options = { watch: NEURONS, concurrency: 3, contextTokens: 128 };
  const requests: DecidedRequest[] = [];
  for (const [i, length] of [40, 3, 35, 3, 36, 4].entries())
    requests.push(
      await decidedRequest(cpu, length, {
        id: `r${i}`,
        stream: 's',
        settings: { ...GREEDY, maxTokens: 4 + (i % 3) },
        steering: STEERINGS[Math.floor(i / 2)],
        score: i !== 4,
      }),
    );
  const session = await gpu.live(options);
  const got = await Promise.all(requests.map(({ request }) => generate(session, request)));
  await session.close();
  for (const [i, { request, tokens }] of requests.entries()) {
    assert.equal(got[i].error, undefined);
    assert.deepEqual(idsOf(got[i]), tokens, `tokens of ${request.id}`);
    if (!request.score) continue;
    const read = await readAnswer(cpu, request.prompt, idsOf(got[i]), NEURONS, request.steering);
    for (const [t, cett] of got[i].cett.entries())
      assert.ok(worst(cett, read[t]) <= TOLERANCE, `CETT of ${request.id}, token ${t}`);
  }
}

describe('on a Vulkan device, all or some layers, numbers and tokens are those of the CPU', { skip }, () => {
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as const)
    for (const gpuLayers of offloads(architecture))
      it(`${architecture}, ${gpuLayers === undefined ? 'all' : gpuLayers} layers`, async () => {
        const { path } = await write(architecture);
        await withEngines(path, { gpuLayers }, async (gpu, cpu) => {
          await compareReads(gpu, cpu);
          await compareSteering(gpu, cpu);
          await compareLive(gpu, cpu);
          // Flash attention in each head size is minutes of compiling for a software driver.
          if (architecture !== 'llama' && architecture !== 'gpt2') return;
          const settings = { ...GREEDY, maxTokens: 8 };
          const decided: DecidedRequest[] = [];
          for (const length of [40, 6])
            decided.push(await decidedRequest(cpu, length, { id: String(length), stream: 's', settings }));
          const answers = await greedy(
            gpu,
            decided.map(({ request }) => Array.from(request.prompt)),
          );
          assert.deepEqual(
            answers,
            decided.map(({ tokens }) => tokens),
          );
        });
      });
});

describe('GPUs that are not there', { skip }, () => {
  it('are refused in one line where they are asked for', async () => {
    const { path } = await write('llama');
    const open = (options: Partial<EngineOptions>) => () =>
      openEngine({ modelPath: path, device: 'vulkan', threads: 1, ...options });
    await expectUserError(open({ mainGpu: 3 }), /main GPU 3 does not exist: there (is|are) \d/);
    await expectUserError(open({ split: [1, 2, 3, 4, 5, 6, 7, 8] }), /8 proportions do not fit/);
    await expectUserError(open({ device: 'cpu', mainGpu: 0 }), /no GPU is in use/);
  });

  it('auto takes the CPU and says so, with the numbers of the CPU package', async () => {
    const { path } = await write('llama');
    const visible = process.env.GGML_VK_VISIBLE_DEVICES;
    // No device at all.
    process.env.GGML_VK_VISIBLE_DEVICES = '';
    try {
      await expectUserError(
        () => openEngine({ modelPath: path, device: 'vulkan', threads: 1 }),
        /no vulkan device was found/i,
      );
      await withEngines(path, { device: 'auto' }, async (auto, cpu) => {
        assert.equal(auto.model.device, 'cpu (no vulkan device was found)');
        assert.equal(cpu.model.device, 'cpu');
        const tokens = someTokens(30, auto.model.vocab, 1);
        assert.deepEqual(await auto.logits(tokens), await cpu.logits(tokens));
      });
    } finally {
      process.env.GGML_VK_VISIBLE_DEVICES = visible;
    }
  });
});
