/**
 * A device beside the CPU: exactness on tiny float32 models, then the speeds of collect, read and serve on a random Q8_0 model.
 *   node dist/bench/device.js [--device cpu|vulkan|cuda|metal] [--gpu-layers N] [--size tiny|135m|1b|3b] [--seconds 20] [--threads N]
 * Ends with 1 where a number is not as on the CPU. scripts/gpu-check.sh installs what a device needs and runs it.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Device, type Engine, openEngine } from '../src/engine/index.js';
import { type DecidedRequest, decidedRequest } from '../test/support/decided.js';
import { distance } from '../test/support/distance.js';
import { readAll, someTokens } from '../test/support/engines.js';
import { GREEDY, generate, idsOf } from '../test/support/live.js';
import { writeTinyModel } from '../test/support/tiny-models.js';
import { writeRandomModel } from './random-model.js';
import { hardware, median, scratchFolder } from './reference.js';

const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: 'cpu' },
    'gpu-layers': { type: 'string' },
    size: { type: 'string', default: '1b' },
    seconds: { type: 'string', default: '20' },
    threads: { type: 'string' },
  },
});
const SIZES = {
  tiny: { layers: 4, hidden: 256, ffn: 704, heads: 4, kvHeads: 4, vocab: 4096 },
  '135m': { layers: 30, hidden: 576, ffn: 1536, heads: 9, kvHeads: 3, vocab: 49152 },
  '1b': { layers: 16, hidden: 2048, ffn: 8192, heads: 32, kvHeads: 8, vocab: 128256 },
  '3b': { layers: 28, hidden: 3072, ffn: 8192, heads: 24, kvHeads: 8, vocab: 128256 },
};
if (!(options.size in SIZES)) throw new Error(`--size must be one of ${Object.keys(SIZES).join(', ')}`);
const shape = SIZES[options.size as keyof typeof SIZES];
const device = options.device as Device;
const gpuLayers = options['gpu-layers'] === undefined ? undefined : Number(options['gpu-layers']);
const threads = options.threads === undefined ? undefined : Number(options.threads);
const seconds = Number(options.seconds);
const folder = scratchFolder();
const note = (text: string) => console.log(`note: ${text}`);

/** Largest 1 - cosine of mean CETT that counts as the same. */
const MAX_DISTANCE = 1e-6;

const farthest = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

async function sampleGreedy(engine: Engine, prompts: number[][]): Promise<number[][]> {
  const answers: number[][] = [];
  let next = 0;
  await engine.sample({
    settings: GREEDY,
    next: () =>
      next < prompts.length ? { id: String(next), prompt: prompts[next++], samples: 1 } : undefined,
    onResult: ({ id, samples }) => {
      answers[Number(id)] = samples[0].tokens;
    },
  });
  return answers;
}

/** Requests that the devices are compared by: plain and steered, whose greedy answers rounding cannot change. */
async function decide(path: string): Promise<DecidedRequest[]> {
  const engine = await openEngine({ modelPath: path, device: 'cpu', threads: 1 });
  try {
    const { layers, ffn } = engine.model;
    const steering = { neurons: [3, ffn + 5, layers * ffn - 1], alpha: 3 };
    const settings = GREEDY;
    return [
      await decidedRequest(engine, 45, { id: '0', stream: 's', settings }),
      await decidedRequest(engine, 20, { id: '1', stream: 's', settings }),
      await decidedRequest(engine, 33, { id: '2', stream: 's', settings, steering, score: true }),
    ];
  } finally {
    await engine.close();
  }
}

/** What a tiny model gives on one device. */
async function numbers(path: string, on: Device, decided: readonly DecidedRequest[]) {
  const engine = await openEngine({
    modelPath: path,
    device: on,
    gpuLayers: on === 'cpu' ? undefined : gpuLayers,
    threads: 1,
  });
  try {
    const tokens = decided.map(({ request }) => Array.from(request.prompt));
    const cases = tokens.map((one, i) => ({
      id: String(i),
      tokens: one,
      masks: [[[0, one.length]] as [number, number][]],
    }));
    const means = (await readAll(engine, cases)).map((one) => one.means[0]);
    const [first, , scored] = decided.map(({ request }) => request);
    const plain = await engine.logits(first.prompt);
    const steered = await engine.logits(first.prompt, scored.steering);
    const session = await engine.live({ watch: [3], concurrency: 3, contextTokens: 128 });
    const live = await Promise.all(decided.map(({ request }) => generate(session, request)));
    await session.close();
    for (const { error } of live) if (error) throw error;
    const greedy = [...live.map(idsOf), ...(await sampleGreedy(engine, tokens.slice(0, 2)))];
    return { means, plain, steered, greedy, name: engine.model.device };
  } finally {
    await engine.close();
  }
}

async function exactness(): Promise<boolean> {
  console.log(
    '\nexactness     mean CETT, 1 - cosine   greedy tokens   alpha 3 moves logits by   error of that',
  );
  let fine = true;
  for (const architecture of ['llama', 'qwen2', 'gemma3', 'gpt2', 'phi2'] as const) {
    const { path } = await writeTinyModel(join(folder, `${architecture}.gguf`), {
      architecture,
      sharpness: 8,
    });
    const decided = await decide(path);
    const answers = decided.map(({ tokens }) => tokens);
    const want = await numbers(path, 'cpu', decided);
    const got = await numbers(path, device, decided);
    const cett = Math.max(...got.means.map((mean, i) => distance(mean, want.means[i])));
    const same = JSON.stringify(got.greedy) === JSON.stringify([...answers, ...answers.slice(0, 2)]);
    const moved = farthest(want.steered, want.plain);
    const error = farthest(got.steered, want.steered);
    fine &&= cett <= MAX_DISTANCE && same && error < 0.1 * moved;
    console.log(
      `${architecture.padEnd(12)}  ${cett.toExponential(1).padStart(21)}   ${(same ? 'the same' : 'DIFFERENT').padEnd(13)}   ${moved.toFixed(2).padStart(23)}   ${error.toExponential(1)}`,
    );
  }
  return fine;
}

/** Repeats a job of known size until the time is over; tokens a second. */
async function rate(work: (round: number) => Promise<number>): Promise<string> {
  // The first round pays for compiling and clearing.
  await work(0);
  const began = performance.now();
  let tokens = 0;
  for (let round = 1; performance.now() - began < (1000 * seconds) / 3; round++) tokens += await work(round);
  return ((1000 * tokens) / (performance.now() - began)).toFixed(1);
}

async function speeds(): Promise<void> {
  const path = join(folder, 'random.gguf');
  await writeRandomModel(path, shape);
  const began = performance.now();
  const engine = await openEngine({ modelPath: path, device, gpuLayers, threads, onNotice: note });
  const { model } = engine;
  const opened = ((performance.now() - began) / 1000).toFixed(1);
  console.log(
    `\nspeeds on ${model.device}: ${(model.parameters / 1e9).toFixed(2)} billion weights, ${model.quantisation}; opened in ${opened} s`,
  );
  const small = options.size === 'tiny';
  const [questions, cases, length] = small ? [4, 4, 60] : [32, 32, 150];
  const collect = await rate(async (round) => {
    let next = 0;
    const stats = await engine.sample({
      settings: { ...GREEDY, temperature: 1, topK: 50, topP: 0.9, maxTokens: 16, seed: round },
      next: () =>
        next < questions
          ? { id: String(next), prompt: someTokens(32, model.vocab, 1000 * round + next++), samples: 10 }
          : undefined,
      onResult: () => {},
    });
    return stats.sampledTokens;
  });
  console.log(`collect: ${collect} tokens/s (${questions} questions of 32 tokens, 10 samples of up to 16)`);
  const read = await rate(async (round) => {
    await readAll(
      engine,
      Array.from({ length: cases }, (_, i) => ({
        id: String(i),
        tokens: someTokens(length, model.vocab, 1000 * round + i),
        masks: [[[0, length]]],
      })),
    );
    return cases * length;
  });
  console.log(`read:    ${read} tokens/s (${cases} responses of ${length} tokens)`);
  for (const streams of small ? [1, 4] : [1, 8, 32]) {
    const session = await engine.live({
      watch: [3, model.ffn + 5],
      concurrency: streams,
      contextTokens: 256,
    });
    const perToken: number[] = [];
    const serve = await rate(async (round) => {
      const since = performance.now();
      const heard = await Promise.all(
        Array.from({ length: streams }, (_, i) =>
          generate(session, {
            id: `${round}-${i}`,
            stream: 's',
            prompt: someTokens(24, model.vocab, 1000 * round + i),
            settings: { ...GREEDY, maxTokens: small ? 8 : 32 },
            score: true,
          }),
        ),
      );
      const tokens = heard.reduce((sum, one) => sum + one.tokens.length, 0);
      perToken.push(((performance.now() - since) * streams) / tokens);
      return tokens;
    });
    console.log(
      `serve:   ${serve} tokens/s (${streams} streams, scored; ${median(perToken.sort((a, b) => a - b)).toFixed(1)} ms for a token of one)`,
    );
    await session.close();
  }
  console.log(`memory of the process at most: ${((await engine.peakMemory()) / 2 ** 30).toFixed(2)} GiB`);
  await engine.close();
}

console.log(`${hardware()}; device ${device}${gpuLayers === undefined ? '' : `, ${gpuLayers} layers`}`);
const fine = await exactness();
await speeds();
console.log(fine ? '\nall numbers are those of the CPU' : '\nNOT all numbers are those of the CPU');
process.exit(fine ? 0 : 1);
