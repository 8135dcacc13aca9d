/**
 * Reads, samples, steers and answers with one model, by the built package in PACKAGE, and checks that the native
 * process ends. Runs under any Node, Bun or Deno, on any machine:
 *
 *     node check.js PACKAGE MODEL OUT.json [REFERENCE.json]
 *
 * REFERENCE.json is what the same command wrote elsewhere: prints how closely the two agree, fails where they do not.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const LARGEST_DISTANCE = 1e-6;
const [packageFolder, modelPath, out, referencePath] = process.argv.slice(2);
const entry = pathToFileURL(join(resolve(packageFolder), 'dist', 'src', 'index.js')).href;
const { Model } = await import(entry);

const runtime = process.versions.bun
  ? `Bun ${process.versions.bun}`
  : process.versions.deno
    ? `Deno ${process.versions.deno}`
    : `Node ${process.versions.node}`;
const say = (name, value) => console.log(`${name.padEnd(10)} ${value}`);
say('machine', `${process.platform} ${process.arch}, ${runtime}`);

const model = await Model.open(modelPath, { device: 'cpu', threads: 2, contextTokens: 256 });
const { engine } = model;
say(
  'llama.cpp',
  `${engine.model.libraryVersion}, ${engine.model.layers} layers of ${engine.model.ffn} neurons`,
);

if (process.env.HOLD === '1') {
  // For the script that kills this program and looks what becomes of the native process.
  say('holding', engine.process.pid);
  await new Promise((resolve) => setTimeout(resolve, 600_000));
}

const [tokens] = await engine.tokenize(['The capital of Peru is Lima, and it never rains there.'], {
  special: false,
  bos: true,
});
const cett = await readMean(tokens);
say('read', `${cett.length} mean CETTs of ${tokens.length} tokens`);

const samples = await draw(tokens.slice(0, 8));
say('sample', `${samples.length} samples of ${samples[0].length} tokens`);

const plain = (await model.answer('Where does it rain?', { maxTokens: 16 })).text;
const neurons = [0, 1, 2, 3].map((index) => ({ layer: 1, index }));
const steered = (await model.answer('Where does it rain?', { maxTokens: 16, alpha: 3, neurons })).text;
say('answer', `${plain.length} characters; ${steered === plain ? 'the same' : 'another'} at alpha 3`);

const { pid } = engine.process;
await model.close();
if (isThere(pid)) fail(`the native process ${pid} is still there after close()`);
say('close', 'the native process has ended');

writeFileSync(out, JSON.stringify({ cett: [...cett], samples, plain, steered }));
if (referencePath) compare(JSON.parse(readFileSync(referencePath, 'utf8')));

async function readMean(sequence) {
  let given = false;
  let mean;
  await engine.read({
    next() {
      if (given) return undefined;
      given = true;
      return { id: 'one', tokens: sequence, masks: [[[0, sequence.length]]] };
    },
    onResult(result) {
      mean = result.means[0];
    },
  });
  if (!mean?.some((value) => value > 0) || mean.some((value) => !Number.isFinite(value)))
    fail('CETT is not a set of finite numbers');
  return mean;
}

async function draw(prompt) {
  const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, maxTokens: 12, stop: [], seed: 1 };
  let given = false;
  let drawn = [];
  await engine.sample({
    settings,
    next() {
      if (given) return undefined;
      given = true;
      return { id: 'one', prompt, samples: 8 };
    },
    onResult(result) {
      drawn = result.samples.map((sample) => sample.tokens);
    },
  });
  if (drawn.length !== 8) fail(`${drawn.length} samples in place of 8`);
  return drawn;
}

function compare(reference) {
  let [product, here, there, largest] = [0, 0, 0, 0];
  for (let i = 0; i < cett.length; i++) {
    product += cett[i] * reference.cett[i];
    here += cett[i] ** 2;
    there += reference.cett[i] ** 2;
    largest = Math.max(largest, Math.abs(cett[i] - reference.cett[i]));
  }
  const distance = 1 - product / Math.sqrt(here * there);
  const same = samples.filter((sample, i) => String(sample) === String(reference.samples[i])).length;
  say(
    'compared',
    `CETT 1 - cosine ${distance.toExponential(1)}, largest difference ${largest.toExponential(1)}`,
  );
  const equal = (a, b) => (a === b ? 'equal' : 'another');
  say(
    '',
    `${same} of ${samples.length} samples equal; answers ${equal(plain, reference.plain)}, ${equal(steered, reference.steered)}`,
  );
  if (!(distance <= LARGEST_DISTANCE)) fail(`CETT differs: 1 - cosine is above ${LARGEST_DISTANCE}`);
  if (plain !== reference.plain || steered !== reference.steered) fail('greedy answers differ');
}

function isThere(id) {
  try {
    process.kill(id, 0);
    return true;
  } catch {
    return false;
  }
}

function fail(why) {
  console.error(`check: ${why}`);
  process.exit(1);
}
