/**
 * Do the exports say what run-time alpha says, in engines of others?
 *   node dist/bench/exports.js --model MODEL --detector DETECTOR.json [--work FOLDER] [--prompts 20] [--steps 32] [--alphas 0,0.5,2,3]
 *     [--quantised] [--python PYTHON] [--llama-server BINARY] [--node-llama-cpp FOLDER]
 * Compares greedy tokens and the logits after the prompt, for the built-in questions, in a float32 copy of the model (--quantised: in the
 * model as it is): the baked GGUF, loaded plainly; the GGUF adapter in node-llama-cpp (FOLDER: where it is installed) and llama-server;
 * the PEFT adapter and the baked safetensors checkpoint in transformers (PYTHON has torch, transformers, gguf and peft). What is not named
 * is left out. The float32 copy, and a checkpoint from it, are kept in --work. In float32 it
 * exits with 1 when tokens part or logits differ by more than .15; of a quantised model it says what is seen.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertToFloat32, type Engine, openEngine, promptStyle } from '../src/engine/index.js';
import { writeGgufAdapter } from '../src/export/adapter-gguf.js';
import { bakeGguf } from '../src/export/bake-gguf.js';
import { bakeSafetensors } from '../src/export/bake-safetensors.js';
import { writePeftAdapter } from '../src/export/peft.js';
import { loadNpy } from '../src/formats/npy.js';
import { resolveModel } from '../src/models/resolve.js';
import { readDetector, requireHNeurons } from '../src/pipeline/detector.js';
import { builtinQuestions } from '../src/questions/builtin.js';
import { derive, shuffle } from '../src/stats/random.js';
import {
  ask,
  compareTokens,
  logitDifference,
  logProbabilityDifference,
  type Reference,
} from './exports-reference.js';
import { type Said, TOGETHER, withLlamaServer } from './peers/llama-server.js';
import { hardware, scratchFolder } from './reference.js';

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: 'gemma-3-270m' },
    detector: { type: 'string' },
    work: { type: 'string' },
    prompts: { type: 'string', default: '20' },
    steps: { type: 'string', default: '32' },
    alphas: { type: 'string', default: '0,0.5,2,3' },
    quantised: { type: 'boolean', default: false },
    python: { type: 'string' },
    'llama-server': { type: 'string' },
    'node-llama-cpp': { type: 'string' },
  },
});
const LIMIT = 0.15;
const detector = await readDetector(options.detector!);
const neurons = requireHNeurons(detector);
const steps = Number(options.steps);
const alphas = options.alphas.split(',').map(Number);
const work = options.work ?? scratchFolder();
mkdirSync(work, { recursive: true });
const at = (name: string) => join(work, name);
// The scripts lie beside the sources, not beside what is compiled.
const script = (name: string) => new URL(`../../bench/peers/${name}`, import.meta.url).pathname;

const source = await resolveModel(options.model);
const model = options.quantised ? source.path : at('float32.gguf');
if (!existsSync(model)) await convertToFloat32(source.path, model);
const engine = await openEngine({ modelPath: model, device: 'cpu', threads: 1 });
console.log(
  `${source.name}, ${options.quantised ? 'as it is' : 'float32'}, ${neurons.length} H-Neurons; ${hardware()}`,
);

const questions = shuffle(derive(1, 'exports'), builtinQuestions()).slice(0, Number(options.prompts));
const kind = engine.model.chatTemplate === undefined ? 'plain' : 'chat';
const style = promptStyle(engine.model, kind, []);
const texts = await Promise.all(questions.map(({ question }) => style.text(question)));
const prompts = (await engine.tokenize(texts, style.tokenize)).map((tokens) => Array.from(tokens));
const endings = [
  '<eos>',
  '</s>',
  '<|im_end|>',
  '<|endoftext|>',
  '<end_of_turn>',
  engine.model.eosToken ?? '',
];
const ends = new Set(
  (await engine.tokenize(endings, { special: true, bos: false })).flatMap((tokens) =>
    tokens.length === 1 ? Array.from(tokens) : [],
  ),
);
writeFileSync(at('items.json'), JSON.stringify({ steps, items: prompts, ends: [...ends] }));

let failed = false;

function run(command: string, args: string[], cwd?: string): void {
  const { status, signal } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status ?? signal}`);
}

async function report(
  name: string,
  reference: Reference,
  tokens: number[][],
  difference: number,
  unit: 'logits' | 'log p',
  own?: Engine,
): Promise<void> {
  const { same, parted, again } = await compareTokens(engine, prompts, steps, reference, tokens, ends, own);
  const where = parted.map(({ prompt, step, margin }) => `${prompt}@${step} by ${margin.toFixed(3)}`);
  const ok = parted.length === 0 && difference <= LIMIT;
  if (!ok && !options.quantised) failed = true;
  console.log(
    `${options.quantised ? 'seen' : ok ? 'ok  ' : 'MISS'} alpha ${String(reference.steering?.alpha).padEnd(4)} ${name.padEnd(28)} same ${tokens.reduce((sum, { length }) => sum + length, 0)} tokens in ${same}/${prompts.length}` +
      `${again ? ` (${again} with a token again in float32)` : ''}, largest difference of ${unit} ${difference.toExponential(1)}` +
      `${where.length ? `; parted at ${where.join(', ')}` : ''}`,
  );
}

async function plainly(name: string, reference: Reference, path: string): Promise<void> {
  const baked = await openEngine({ modelPath: path, device: 'cpu', threads: 1 });
  try {
    const { tokens, logits } = await ask(baked, prompts, steps);
    await report(name, reference, tokens, logitDifference(reference, logits), 'logits', baked);
  } finally {
    await baked.close();
  }
}

const reportSaid = (name: string, reference: Reference, said: Said[]) =>
  report(
    name,
    reference,
    said.map(({ tokens }) => tokens),
    logProbabilityDifference(
      reference,
      said.map(({ first }) => first),
    ),
    'log p',
  );

async function transformers(name: string, reference: Reference, folder: string, adapter: string[]) {
  run(options.python!, [script('peft-check.py'), folder, at('items.json'), at('said'), ...adapter]);
  const { shape, data } = await loadNpy(at('said.npy'));
  const rows = prompts.map((_, i) => (data as Float32Array).subarray(i * shape[1], (i + 1) * shape[1]));
  await report(
    name,
    reference,
    JSON.parse(readFileSync(at('said.json'), 'utf8')),
    logitDifference(reference, rows),
    'logits',
  );
}

const adapter = at('adapter.gguf');
await writeGgufAdapter({ model, detector, out: adapter });
const checkpoint = at('checkpoint');
if (options.python && !options.quantised && !existsSync(join(checkpoint, 'config.json'))) {
  run(options.python, [script('checkpoint.py'), model, checkpoint]);
}

const untouched = await ask(engine, prompts, steps);
for (const alpha of alphas) {
  const reference = await ask(engine, prompts, steps, { neurons, alpha });
  const changed = prompts.filter((_, i) => reference.tokens[i].join() !== untouched.tokens[i].join()).length;
  console.log(
    `     alpha ${alpha} moves the logits by up to ${logitDifference(reference, untouched.logits).toFixed(1)}, and changes ${changed} of ${prompts.length} texts`,
  );

  const baked = at('baked.gguf');
  await bakeGguf({ model, detector, alpha, out: baked });
  await plainly('baked GGUF, plain', reference, baked);
  rmSync(baked);

  if (options['node-llama-cpp']) {
    copyFileSync(script('node-llama-cpp.mjs'), join(options['node-llama-cpp'], 'exports-bench.mjs'));
    const args = ['exports-bench.mjs', model, at('items.json'), at('said.json'), adapter, String(alpha - 1)];
    run(process.execPath, args, options['node-llama-cpp']);
    await reportSaid(
      'GGUF adapter, node-llama-cpp',
      reference,
      JSON.parse(readFileSync(at('said.json'), 'utf8')),
    );
  }
  if (options['llama-server']) {
    const scaled = ['-m', model, '--lora-scaled', `${adapter}:${alpha - 1}`];
    await withLlamaServer(options['llama-server'], scaled, async (serve) => {
      const said: Said[] = [];
      for (let i = 0; i < prompts.length; i += TOGETHER) {
        const some = prompts.slice(i, i + TOGETHER).map((prompt) => serve(prompt, steps));
        said.push(...(await Promise.all(some)));
      }
      await reportSaid('GGUF adapter, llama-server', reference, said);
    });
  }
  if (options.python && !options.quantised) {
    const folder = at('peft');
    await writePeftAdapter({ weights: checkpoint, detector, alpha, out: folder });
    await transformers('PEFT adapter, transformers', reference, checkpoint, [folder]);
    const copy = at('checkpoint-baked');
    await bakeSafetensors({ checkpoint, detector, alpha, out: copy });
    await transformers('baked safetensors, plain', reference, copy, []);
    rmSync(copy, { recursive: true });
  }
}
await engine.close();
process.exit(failed ? 1 : 0);
