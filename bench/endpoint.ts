/**
 * Sampling from an independent OpenAI-compatible server, against the engine itself on the same weights (float32):
 * greedy answers must be the same, sampled ones as often right, and every response must be there in tokens.
 *   node dist/bench/endpoint.js --python PYTHON [--model smollm2-135m-instruct] [--questions 24] [--samples 4]
 *   node dist/bench/endpoint.js --url http://127.0.0.1:8080/v1 --served NAME
 * PYTHON needs `pip install "transformers[serving]" torch gguf`: the checkpoint is saved from the GGUF file, and served by
 * `transformers serve`. With --url, a server that runs already is asked (llama-server, vLLM, Ollama, …).
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { convertToFloat32, openEngine } from '../src/engine/index.js';
import { ruleJudge, ruleSpans } from '../src/judge/rule-judge.js';
import { resolveModel } from '../src/models/resolve.js';
import { openEndpointSampler } from '../src/pipeline/endpoint-sampler.js';
import { openLocalSampler } from '../src/pipeline/local-sampler.js';
import type { Response } from '../src/pipeline/responses.js';
import { sampleQuestions } from '../src/pipeline/sample-questions.js';
import type { Sampler } from '../src/pipeline/sampler.js';
import { type CollectSettings, makeCollectSettings } from '../src/pipeline/settings.js';
import { splitQuestions } from '../src/pipeline/split.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { hardware, scratchFolder } from './reference.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    model: { type: 'string', default: 'smollm2-135m-instruct' },
    questions: { type: 'string', default: '24' },
    samples: { type: 'string', default: '4' },
    style: { type: 'string', default: 'chat' },
    threads: { type: 'string', default: '1' },
    url: { type: 'string' },
    served: { type: 'string' },
  },
});

const SAVE = `
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder, name, out = sys.argv[1:]
AutoTokenizer.from_pretrained(folder, gguf_file=name).save_pretrained(out)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32)
model.hf_quantizer = None
if hasattr(model.config, 'quantization_config'): del model.config.quantization_config
model.save_pretrained(out)
`;

const scratch = scratchFolder();
const PORT = 8871;
const found = await resolveModel(options.model);
let server: ChildProcess | undefined;
let url = options.url;
let served = options.served ?? options.model;
if (url === undefined) {
  served = join(scratch, 'checkpoint');
  const args = ['-c', SAVE, dirname(found.path), basename(found.path), served];
  const { status, stderr } = spawnSync(options.python, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const command = join(dirname(options.python), 'transformers');
  server = spawn(
    command,
    ['serve', '--host', '127.0.0.1', '--port', String(PORT), '--device', 'cpu', served],
    {
      stdio: 'ignore',
      env: { ...process.env, HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: options.threads },
    },
  );
  url = `http://127.0.0.1:${PORT}/v1`;
  for (let waited = 0; !(await isUp(url)); waited++) {
    if (waited > 300 || server.exitCode !== null) throw new Error('transformers serve does not start');
    await sleep(1000);
  }
}

async function isUp(base: string): Promise<boolean> {
  return fetch(`${base}/models`).then(
    () => true,
    () => false,
  );
}

const float32 = join(scratch, 'float32.gguf');
await convertToFloat32(found.path, float32);
const engine = await openEngine({ modelPath: float32, device: 'cpu', threads: Number(options.threads) });
const judging = { judge: ruleJudge(), spans: ruleSpans() };
const count = Number(options.questions);
const all = splitQuestions(builtinQuestions(), 1);
const questions = all.filter((_, i) => i % Math.floor(all.length / count) === 0).slice(0, count);
const notices: string[] = [];
let files = 0;

async function ask(sampler: Sampler, settings: CollectSettings) {
  const began = performance.now();
  const path = join(scratch, `responses-${files++}.jsonl`);
  const { responses } = await sampleQuestions({
    sampler,
    judging,
    questions,
    settings,
    path,
    onProgress() {},
  });
  return { responses, seconds: (performance.now() - began) / 1000 };
}

async function both(overrides: Partial<CollectSettings>) {
  const promptStyle = options.style as CollectSettings['promptStyle'];
  // With these limits a class is open until the last sample: no question ends early.
  const limits = { minCorrect: 1, maxCorrect: 0 };
  const local = makeCollectSettings({
    promptStyle,
    seed: 1,
    quota: null,
    maxTokens: 24,
    ...limits,
    ...overrides,
  });
  const remote = { ...local, endpoint: url, endpointModel: served };
  const onNotice = (message: string) => notices.push(message);
  const there = openEndpointSampler({ engine, settings: remote, access: { timeoutMs: 600_000 }, onNotice });
  return {
    sampler: there,
    there: await ask(there, remote),
    here: await ask(await openLocalSampler(engine, questions, local), local),
  };
}

const samplesOf = (responses: Map<string, Response>) =>
  [...responses.values()].flatMap(({ samples }) => samples);
const rightOf = (responses: Map<string, Response>) => {
  const samples = samplesOf(responses);
  const right = samples.filter(({ verdict }) => verdict === 'correct').length;
  return `${right} of ${samples.length} samples right`;
};

try {
  console.log(`endpoint: ${served} at ${url}, ${count} built-in questions, ${options.style}; ${hardware()}`);
  const greedy = await both({ temperature: 0, samples: 1 });
  let same = 0;
  for (const { id } of questions) {
    const [a, b] = [greedy.there, greedy.here].map(({ responses }) =>
      responses.get(id)?.samples[0]?.text.trim(),
    );
    if (a !== undefined && a === b) same++;
    else console.log(`  differs: ${id}: server ${JSON.stringify(a)}, engine ${JSON.stringify(b)}`);
  }
  console.log(`  greedy answers that are the same: ${same} of ${count}`);
  const drawn = await both({ samples: Number(options.samples) });
  console.log(`  server: ${rightOf(drawn.there.responses)}, ${drawn.there.seconds.toFixed(1)} s`);
  console.log(`  engine: ${rightOf(drawn.here.responses)}, ${drawn.here.seconds.toFixed(1)} s`);
  const samples = samplesOf(drawn.there.responses);
  const unreadable = samples.filter((sample) => sample.unreadable).length;
  const told = samples.filter(({ logProbability }) => logProbability !== null).length;
  console.log(
    `  responses that the local tokenizer cannot spell: ${unreadable}; with log-probabilities: ${told}`,
  );
  for (const notice of notices) console.log(`  ${notice}`);
} finally {
  await engine.close();
  server?.kill();
}
