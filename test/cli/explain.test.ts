import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseHTML } from 'linkedom';
import { type Explain, ExplainSchema } from '../../src/report/explain/schema.js';
import { parseReport } from '../../src/report/schema.js';
import { fakeQuestions, TELLING_NEURON } from '../support/fake-engine.js';
import { runCli } from '../support/run-cli.js';
import { temporaryFolder } from '../support/temporary.js';
import { writeTinyModel } from '../support/tiny-models.js';

/** `hneurons explain` over an engine whose truth is known, with the weights of a real file. */
const root = temporaryFolder();
const cli = fileURLToPath(new URL('../support/fake-cli.js', import.meta.url));
const model = join(root, 'tiny.gguf');
const out = join(root, 'run');
const detector = join(out, 'detector.json');
const file = join(out, 'explain.json');

/** In this process. */
async function run(...args: string[]) {
  const result = await runCli(...args);
  return { ...result, last: result.stderr.trim().split('\n').at(-1)! };
}

async function explain(...args: string[]): Promise<Explain> {
  const { status, stdout, stderr } = await run(
    'explain',
    '--run',
    out,
    '--quiet',
    '--json',
    '--items',
    '0',
    ...args,
  );
  assert.equal(status, 0, stderr);
  return ExplainSchema.parse(JSON.parse(stdout));
}

const onDisk = () => ExplainSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
const names = ({ cards }: Explain) => cards.map(({ layer, index }) => `${layer}:${index}`);

before(async () => {
  await writeTinyModel(model, { architecture: 'llama', layers: 2, hidden: 32, ffn: 32 });
  const questions = join(root, 'questions.jsonl');
  writeFileSync(
    questions,
    fakeQuestions(30)
      .map((one) => `${JSON.stringify(one)}\n`)
      .join(''),
  );
  const settings = ['--quota', '24', '--controls', '3', '--C', '10', '--folds', '2', '--resamples', '4'];
  const find = ['find', '--model', model, '--questions', questions, '--out', out, '--quiet'];
  const { status, stderr } = await run(...find, ...settings);
  assert.equal(status, 0, stderr);
});

test('a card tells the truth about the neuron that tells hallucinations', async () => {
  const found = await explain();
  assert.ok(names(found).includes(`0:${TELLING_NEURON}`));
  assert.deepEqual(onDisk(), found);
  const card = found.cards.find(({ index }) => index === TELLING_NEURON)!;
  assert.ok(card.weight > 0);
  assert.ok(card.cett.hallucinated!.low > card.cett.faithful!.high);
  assert.deepEqual(card.selected, { positive: 1, negative: 0 });
  assert.equal(found.resamples, 4);
  assert.equal(card.most.length, 5);
  for (const { label, where, before, marked, after, answer } of card.most) {
    assert.equal(label, 'hallucinated');
    assert.equal(where, 'response');
    assert.match(before + marked + after, /Answer: wrong \d$/);
    assert.match(answer, /^wrong/);
  }
  assert.ok(card.least.every(({ cett }) => cett < card.most[4].cett));
  for (const list of [card.promotes, card.suppresses]) {
    assert.ok(list.length >= 10);
    assert.ok(list.every(({ text }) => text.length > 0));
  }
  assert.ok(card.promotes[0].logit > card.promotes[9].logit && card.promotes[9].logit > 0);
  assert.ok(card.suppresses[0].logit < card.suppresses[9].logit && card.suppresses[9].logit < 0);
  assert.match(found.summary, /[Cc]learly more active on made-up answers/);
});

test('a named neuron gets a card, and the others keep theirs', async () => {
  rmSync(file);
  const first = names(await explain('--neurons', '1'));
  assert.equal(first.length, 1);
  assert.deepEqual(names(await explain('--neuron', '1:30', '--neuron', '1:30')), ['1:30']);
  const [named] = onDisk().cards.filter(({ layer, index }) => layer === 1 && index === 30);
  assert.equal(named.weight, 0);
  assert.deepEqual(names(onDisk()).sort(), [...first, '1:30'].sort());
});

test('the report shows the cards, and leaves out those of another detector', async () => {
  const report = (...args: string[]) => run('report', '--out', out, ...args);
  assert.equal((await report('--quiet')).status, 0);
  const path = join(out, 'report.json');
  const { explain: shown, files } = parseReport(JSON.parse(readFileSync(path, 'utf8')), path);
  assert.deepEqual(shown, onDisk());
  assert.equal(files.explain, 'explain.json');
  const { document } = parseHTML(readFileSync(join(out, 'report.html'), 'utf8'));
  assert.equal(document.querySelectorAll('#explain .card').length, onDisk().cards.length);
  const cards = onDisk();
  writeFileSync(file, JSON.stringify({ ...cards, detector: { ...cards.detector, identity: 'other' } }));
  assert.match((await report()).stderr, /explain\.json is left out of the report: it is of another detector/);
  writeFileSync(file, '{"schema": "hneurons/expl');
  assert.match((await report()).stderr, /explain\.json is left out of the report: it is not valid JSON/);
});

test('killed while it reads, the same command goes on', async () => {
  rmSync(file);
  rmSync(join(out, 'explain'), { recursive: true });
  const whole = await explain();
  rmSync(file);
  rmSync(join(out, 'explain'), { recursive: true });
  const killed = spawnSync(process.execPath, [cli, 'explain', '--run', out, '--quiet', '--items', '0'], {
    env: { ...process.env, KILL_AT: 'write:drives.jsonl:20' },
  });
  assert.equal(killed.signal, 'SIGKILL');
  assert.ok(!existsSync(file));
  const before = readFileSync(join(out, 'explain/drives.jsonl'), 'utf8').split('\n').slice(0, 19);
  const after = await explain();
  assert.deepEqual(after.cards, whole.cards);
  assert.deepEqual(readFileSync(join(out, 'explain/drives.jsonl'), 'utf8').split('\n').slice(0, 19), before);
});

test('the terminal shows a short card with the word marked', async () => {
  const { status, stdout } = await run(
    'explain',
    '--detector',
    detector,
    '--quiet',
    '--items',
    '0',
    '--neuron',
    `0:${TELLING_NEURON}`,
  );
  assert.equal(status, 0);
  assert.match(stdout, /^L0·21 weight \+/);
  assert.match(stdout, /promotes .*\n.*suppresses /);
  assert.match(stdout, /most .*Answer:.*«.».*made up/);
  assert.match(stdout, /chosen +in 100.% of 4 resamples/);
  assert.match(stdout, /explain\.json\n$/);
});

test('what cannot be done is said in one line', async () => {
  const says = async (args: string[], status: number, pattern: RegExp) => {
    const result = await run('explain', ...args);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.last, pattern);
    assert.doesNotMatch(result.stderr, /\n\s+at /);
  };
  const alone = join(root, 'alone.json');
  writeFileSync(alone, readFileSync(detector));
  await says(['--run', out, '--detector', detector], 2, /name the same thing/);
  await says(['--detector', alone], 2, /alone\.json does not lie in a run folder/);
  await says(['--run', join(root, 'nowhere')], 1, /no file|cannot read|no such/i);
  await says(['--run', out, '--neuron', '7'], 2, /a layer and an index, as in 7:276/);
  await says(
    ['--run', out, '--neuron', '2:0'],
    2,
    /there is no neuron 2:0: this model has layers 0 to 1 of neurons 0 to 31/,
  );
  await says(['--run', out, '--neuron', '0:1', '--neurons', '3'], 2, /give one of them/);
  await says(['--run', out, '--neurons', '0'], 2, /whole number of at least 1/);
  const moved = join(root, 'moved.gguf');
  renameSync(model, moved);
  await says(['--run', out], 1, /no longer at .*tiny\.gguf; say where it is with --model/);
  const elsewhere = await run('explain', '--run', out, '--model', moved, '--neurons', '1');
  assert.equal(elsewhere.status, 0);
  // This engine knows none of the built-in facts: the rest of the card stands.
  assert.match(elsewhere.stderr, /No neuron is switched off alone: .* answers only 0 of/);
  await says(['--run', out, '--items', '-1'], 2, /whole number from 0 to 1000/);
  renameSync(moved, model);
  const made = JSON.parse(readFileSync(detector, 'utf8'));
  const flipped = made.neurons.map((one: { weight: number }) => ({ ...one, weight: -Math.abs(one.weight) }));
  writeFileSync(detector, JSON.stringify({ ...made, neurons: flipped }));
  await says(['--run', out], 1, /the detector has no H-Neuron; name the neurons to explain with --neuron/);
  writeFileSync(detector, JSON.stringify(made));
});
