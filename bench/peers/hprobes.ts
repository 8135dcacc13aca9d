/**
 * Side by side with the Python package hprobes (fit_from_responses): same machine, same float32 model, the same judged
 * responses of our own collect, and the very token sequences and answer spans that hprobes chose.
 *   node dist/bench/peers/hprobes.js --python PYTHON [--model smollm2-135m-instruct] [--run FOLDER] [--responses 300]
 *     [--repeats 3] [--threads 1] [--C 1] [--work FOLDER]
 * PYTHON has torch, transformers, gguf and hprobes 0.11.0 (pip install). --run is a run folder of the model (its cases are the
 * responses); without one, hneurons collect makes it first. --work keeps model, checkpoint and run for the next time.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { convertToFloat32, openEngine } from '../../src/engine/index.js';
import { readJsonl } from '../../src/formats/jsonl.js';
import { loadNpy, writeNpy } from '../../src/formats/npy.js';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { resolveModel } from '../../src/models/resolve.js';
import { type Case, readCases } from '../../src/pipeline/cases.js';
import { tokenSpans, tokensOf } from '../../src/pipeline/token-spans.js';
import { hardware, median, runReference, scratchFolder, spread, writeLines } from '../reference.js';
import { compareFits, largestDistance } from './compare.js';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    model: { type: 'string', default: 'smollm2-135m-instruct' },
    run: { type: 'string' },
    responses: { type: 'string', default: '300' },
    repeats: { type: 'string', default: '3' },
    threads: { type: 'string', default: '1' },
    batch: { type: 'string', default: '1,8' },
    C: { type: 'string', default: '1' },
    work: { type: 'string' },
  },
});
const { python, threads, C } = options;
const count = Number(options.responses);
const scratch = options.work ?? scratchFolder();
mkdirSync(scratch, { recursive: true });
// The scripts lie beside the sources, not beside what is compiled.
const script = (name: string) => new URL(`../../../bench/peers/${name}`, import.meta.url).pathname;
const bin = new URL('../../../bin/hneurons.js', import.meta.url).pathname;
const at = (name: string) => join(scratch, name);

function run(command: string, args: string[]): void {
  const { status, signal } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status ?? signal}`);
}

const model = await resolveModel(options.model);
const float32 = at('float32.gguf');
if (!existsSync(float32)) await convertToFloat32(model.path, float32);
const checkpoint = at('checkpoint');
if (!existsSync(join(checkpoint, 'config.json'))) run(python, [script('checkpoint.py'), float32, checkpoint]);
const runFolder = options.run ?? at('run');
if (!options.run) {
  const quota = String(Math.ceil(count / 4));
  const settings = ['--prompt-style', 'few-shot', '--quota', quota, '--threads', threads];
  run(process.execPath, [bin, 'collect', '--model', model.path, '--out', runFolder, ...settings]);
}

/** As many faithful as hallucinated ones. */
function balanced(cases: Case[]): Case[] {
  const of = (kind: Case['class']) => cases.filter((one) => one.class === kind).slice(0, count / 2);
  return [...of('faithful'), ...of('hallucinated')];
}

/** In the form that hprobes reads; the answer tokens are those of the response alone, as the published scripts make them. */
async function writeSamples(cases: Case[]): Promise<void> {
  const engine = await openEngine({ modelPath: float32, device: 'cpu', threads: Number(threads) });
  const responses = cases.map((one) => one.response.trim());
  const tokens = await engine.tokenize(responses, { special: false, bos: false });
  const samples = [];
  for (const [i, one] of cases.entries()) {
    const pieces = await engine.pieces(tokens[i]);
    const start = responses[i].indexOf(one.answer);
    const span = tokensOf(tokenSpans(pieces).spans, start, start + one.answer.length)!;
    samples.push({
      question: one.question,
      response: responses[i],
      answer_tokens: pieces.slice(span.start, span.end).map((piece) => Buffer.from(piece).toString()),
      judge: one.class === 'faithful' ? 'true' : 'false',
    });
  }
  writeLines(at('samples.jsonl'), samples);
  await engine.close();
}

interface Watched {
  token_ids: number[];
  answer_start: number;
  response_start: number;
}

const cases = balanced(await readCases(join(runFolder, 'cases.jsonl')));
if (cases.length < 40) throw new Error(`${runFolder} has only ${cases.length} cases`);
await writeSamples(cases);
const fitArgs = (batch: string) => [
  checkpoint,
  at('samples.jsonl'),
  at('theirs'),
  '--batch',
  batch,
  '--threads',
  threads,
  '--C',
  C,
];
const theirs = (batch: string, ...more: string[]) =>
  runReference(python, script('hprobes_fit.py'), [...fitArgs(batch), ...more]);

console.log(`hprobes 0.11.0: ${model.name} in float32, ${cases.length} judged responses; ${hardware()}`);
theirs('1', '--keep');
const sequences = at('theirs/sequences.jsonl');
const rowNumbers = Array.from((await loadNpy(at('theirs/rows.npy'))).data as BigInt64Array, Number);
const labels = [
  ...rowNumbers.map((row) => (cases[row].class === 'hallucinated' ? 1 : 0)),
  ...rowNumbers.map(() => 0),
];
await writeNpy(at('labels.npy'), { shape: [labels.length], data: Uint8Array.from(labels) });

/** One run of ours over the same sequences, from nothing. */
function ours(repeat: number): Record<string, number> {
  const folder = at(`ours-${process.pid}-${repeat}`);
  mkdirSync(folder, { recursive: true });
  const child = new URL('ours.js', import.meta.url).pathname;
  const args = [float32, sequences, at('theirs/rows.npy'), at('labels.npy'), folder, threads, C];
  return runReference(process.execPath, child, args);
}

const mine: Record<string, number>[] = [];
const batches = options.batch.split(',');
const peers = new Map<string, Record<string, number>[]>(batches.map((batch) => [batch, []]));
for (let repeat = 0; repeat < Number(options.repeats); repeat++) {
  mine.push(ours(repeat));
  for (const batch of batches) peers.get(batch)!.push(theirs(batch));
}

const watched: Watched[] = [];
for await (const { value } of readJsonl(sequences)) watched.push(value as Watched);
const before = watched.filter((one) => one.answer_start < one.response_start).length;
const tokens = watched.reduce((sum, one) => sum + one.token_ids.length, 0) / watched.length;
console.log(
  `  ${tokens.toFixed(0)} tokens each; hprobes puts ${before} of ${watched.length} answers before the response`,
);
const folder = at(`ours-${process.pid}-0`);
const { tensors, path } = await openSafetensors(join(folder, 'features.safetensors'));
for (const name of ['answer', 'other']) {
  const distance = await largestDistance(path, tensors.get(name)!, at(`theirs/${name}.npy`));
  console.log(`  ${name}: largest 1 - cosine over all responses ${distance.toExponential(1)}`);
}
console.log(await compareFits(path, tensors, at('theirs'), folder, rowNumbers, labels, Number(C)));

const of = (runs: Record<string, number>[], name: string) => runs.map((one) => one[name]);
const gib = (runs: Record<string, number>[]) => of(runs, 'peak').map((bytes) => bytes / 2 ** 30);
const seconds = (runs: Record<string, number>[], name: string) =>
  `${name} ${spread(of(runs, name))} s, ${spread(of(runs, `${name}_cpu`))} s of processor`;
console.log(`  ours: ${seconds(mine, 'extract')}; ${seconds(mine, 'fit')}; peak ${spread(gib(mine))} GiB`);
for (const [batch, runs] of peers) {
  console.log(
    `  hprobes, batch ${batch}: ${seconds(runs, 'extract')}; ${seconds(runs, 'fit')}; peak ${spread(gib(runs))} GiB`,
  );
  // Runs that follow one another are compared: what else the machine does changes with time.
  const ratio = (name: string) => spread(of(runs, name).map((value, i) => value / of(mine, name)[i]));
  const memory = (median(gib(runs)) / median(gib(mine))).toFixed(1);
  console.log(
    `    theirs / ours: extract ${ratio('extract')}, by processor ${ratio('extract_cpu')}; fit ${ratio('fit')}, by processor ${ratio('fit_cpu')}; memory ${memory}`,
  );
}
