import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promptStyle, type Sample } from '../../src/engine/index.js';
import { openSafetensors } from '../../src/formats/safetensors.js';
import { judgeResponse } from '../../src/judge/rule.js';
import { answerSpan } from '../../src/judge/span.js';
import { STAGE_FILES } from '../../src/pipeline/manifest.js';
import { readManifest } from '../../src/pipeline/run-folder.js';
import { FEW_SHOT } from '../../src/questions/few-shot.js';
import { openTiny, readAll } from '../support/engines.js';
import { temporaryFolder } from '../support/temporary.js';

/** The program as it is shipped, over llama.cpp and a tiny random model whose greedy answers are made right or wrong. */
const root = temporaryFolder();
const bin = fileURLToPath(new URL('../../../bin/hneurons.js', import.meta.url));
const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));
const out = join(root, 'run');
const questionsPath = join(root, 'questions.jsonl');
const tinyOptions = { architecture: 'llama', layers: 2, hidden: 32, ffn: 64 } as const;
const { engine, tiny } = await openTiny(root, { ...tinyOptions, seed: 3 });
const modelPath = tiny.path;
await writeQuestions();

function run(...args: string[]) {
  return spawnSync(process.execPath, [bin, ...args], { encoding: 'utf8', cwd: root });
}

async function writeQuestions(): Promise<void> {
  const asked = Array.from({ length: 260 }, (_, i) => `Which is the thing number ${i * 37}?`);
  const answers = await answerGreedily(asked);
  const lines = asked.flatMap((question, i) => {
    const answer = answers[i].trim();
    // An answer that the judge takes for no answer at all is of no use here.
    if (!answerSpan(answer) || judgeResponse(answer, ['nothing like it']) !== 'wrong') return [];
    return [
      { id: `q${i}`, question, answer: i % 2 === 0 ? answer : 'nothing like it', relation: `r${i % 3}` },
    ];
  });
  assert.ok(lines.length > 120, `${lines.length} usable answers`);
  writeFileSync(questionsPath, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Tokens of a text that follows another one. */
async function tokenCount(text: string): Promise<number> {
  const [alone, both] = await engine.tokenize(['x', `x${text}`], { special: false, bos: false });
  return both.length - alone.length;
}

async function answerGreedily(questions: string[]): Promise<string[]> {
  const style = promptStyle(engine.model, 'plain', FEW_SHOT);
  const prompts = await engine.tokenize(await Promise.all(questions.map(style.text)), style.tokenize);
  const answers: string[] = [];
  let next = 0;
  await engine.sample({
    settings: { temperature: 0, topK: 0, topP: 1, minP: 0, maxTokens: 6, seed: 1, stop: style.stop },
    next: () =>
      next < prompts.length ? { id: String(next), prompt: prompts[next++], samples: 1 } : undefined,
    onResult: ({ id, samples }: { id: string; samples: Sample[] }) => {
      answers[Number(id)] = samples[0].text;
    },
  });
  return answers;
}

test('find runs end to end on llama.cpp', () => {
  const sampling = ['--temperature', '0', '--samples', '2', '--max-tokens', '6', '--prompt-style', 'plain'];
  const rest = [
    '--controls',
    '3',
    '--C',
    '1,100',
    '--device',
    'cpu',
    '--threads',
    '1',
    '--json',
    '--quota',
    '20',
  ];
  const all = [
    'find',
    '--model',
    modelPath,
    '--questions',
    questionsPath,
    '--out',
    out,
    ...sampling,
    ...rest,
  ];
  const { status, stdout, stderr } = run(...all);
  assert.equal(status, 0, stderr);
  const result = JSON.parse(stdout);
  assert.equal(result.stages.collect.counts.matched, 80);
  assert.equal(result.stages.extract.counts.neurons, 2 * 64);
  assert.ok(result.detector.test.auroc.estimate >= 0);
});

test('each row of the features is what the engine reads for its case', async () => {
  const cases = readFileSync(join(out, 'cases.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { tensors } = await openSafetensors(join(out, 'features.safetensors'));
  const bytes = readFileSync(join(out, 'features.safetensors'));
  for (const row of [0, 17, 79]) {
    const { token_ids: tokens, answer_start: start, answer_end: end } = cases[row];
    const masks: [number, number][][] = [
      [[start, end]],
      [
        [0, start],
        [end, tokens.length],
      ],
    ];
    const [{ means }] = await readAll(engine, [{ id: 'one', tokens, masks }]);
    ['answer', 'other'].forEach((name, m) => {
      const { offset, shape } = tensors.get(name)!;
      for (let j = 0; j < shape[1]; j++) {
        const value = bytes.readFloatLE(offset + (row * shape[1] + j) * 4);
        assert.ok(Math.abs(value - means[m][j]) < 1e-4, `${name} ${row} ${j}: ${value} ${means[m][j]}`);
      }
    });
    const pieces = await engine.pieces(tokens.slice(start, end));
    assert.ok(Buffer.concat(pieces).toString().includes(cases[row].answer));
  }
});

test('the shell of the Kubernetes and Slurm examples, as 4 processes, ends in the files of one extraction', {
  skip: process.platform === 'win32',
}, () => {
  for (const kind of ['kubernetes', 'slurm']) {
    const copy = join(root, kind);
    cpSync(out, copy, { recursive: true });
    for (const name of STAGE_FILES.extract) rmSync(join(copy, name));
    const result = spawnSync(join(examples, 'local-shards.sh'), [copy, kind], { encoding: 'utf8' });
    assert.equal(result.status, 0, result.stderr);
    for (const name of ['features.safetensors', 'pairs.safetensors']) {
      const same = readFileSync(join(copy, name)).equals(readFileSync(join(out, name)));
      assert.ok(same, `${kind}: ${name} differs`);
    }
    assert.equal(readManifest(copy)?.stages.extract?.status, 'done');
  }
});

test('the table scores the same answers as the run did, read neuron by neuron', () => {
  const table = join(root, 'table');
  const args = ['--detector', join(out, 'detector.json'), '--datasets', questionsPath, '--out', table];
  const { status, stdout, stderr } = run('evaluate', ...args, '--device', 'cpu', '--threads', '1', '--json');
  assert.equal(status, 0, stderr);
  const [row] = JSON.parse(stdout).rows;
  assert.equal(row.figures.random.runs.length, 3);
  assert.equal(row.figures.layerMatched.runs.length, 3);
  const evaluation = JSON.parse(readFileSync(join(out, 'evaluation.json'), 'utf8'));
  const scores = new Map<string, number>(
    evaluation.scores.map(({ id, score }: { id: string; score: number }) => [id, score]),
  );
  const lines = readFileSync(join(table, 'questions', 'responses.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  // At temperature 0 the one sample is the answer that the run selected.
  const both = lines.filter(({ id, score }) => score !== undefined && scores.has(id));
  assert.ok(both.length >= 30, `${both.length} answers in both`);
  for (const { id, score } of both) {
    assert.ok(Math.abs(score - scores.get(id)!) < 1e-3, `${id}: ${score} ${scores.get(id)}`);
  }
});

test('extract reads any cases, as tokens or as text', async () => {
  const [first, second] = readFileSync(join(out, 'cases.jsonl'), 'utf8').split('\n');
  const prompt = 'Which one?';
  const [tokens] = await engine.tokenize([`${prompt} it is this`], { special: true, bos: true });
  const asText = JSON.stringify({ prompt, response: ' it is this', answer: ' this' });
  const [start, end] = [tokens.length - (await tokenCount(' this')), tokens.length];
  const asTokens = JSON.stringify({ token_ids: Array.from(tokens), answer_start: start, answer_end: end });
  const path = join(root, 'any.jsonl');
  writeFileSync(path, [second, first, asText, asTokens].join('\n'));
  const read = (from: string, to: string) =>
    run('extract', '--cases', from, '--model', modelPath, '--out', to, '--quiet');
  const { status, stderr } = read(path, join(root, 'any.safetensors'));
  assert.equal(status, 0, stderr);
  const row = async (file: string, at: number) => {
    const { offset, shape } = (await openSafetensors(file)).tensors.get('answer')!;
    const size = shape[1] * 4;
    const bytes = readFileSync(file).subarray(offset + at * size, offset + (at + 1) * size);
    return new Float32Array(Uint8Array.from(bytes).buffer);
  };
  const near = (a: Float32Array, b: Float32Array) => a.every((value, j) => Math.abs(value - b[j]) < 1e-4);
  const any = join(root, 'any.safetensors');
  assert.ok(near(await row(any, 0), await row(join(out, 'features.safetensors'), 1)));
  assert.ok(near(await row(any, 1), await row(join(out, 'features.safetensors'), 0)));
  assert.ok(near(await row(any, 2), await row(any, 3)));
  assert.ok(!near(await row(any, 0), await row(any, 2)));

  writeFileSync(
    path,
    '{"prompt": "a", "response": "b c", "answer": "c"}\n{"prompt": "a", "response": "b", "answer": "x"}\n',
  );
  const bad = read(path, join(root, 'bad.safetensors'));
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /^hneurons: .*any\.jsonl, line 2: the answer "x" is not in the response\n$/);
});

test('a detector of another model is refused, of another file of the same shape unless forced', async () => {
  const detector = join(out, 'detector.json');
  const score = (model: string, ...more: string[]) =>
    run(
      'score',
      '--detector',
      detector,
      '--model',
      model,
      '--question',
      'Which?',
      '--answer',
      'this',
      '--quiet',
      ...more,
    );
  assert.equal(score(modelPath).status, 0, score(modelPath).stderr);
  const twin = await openTiny(root, { ...tinyOptions, seed: 4 });
  const refused = score(twin.tiny.path);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^hneurons: the detector was trained on another file [^\n]+--force\n$/);
  assert.equal(score(twin.tiny.path, '--force').status, 0);
  const other = await openTiny(root, { ...tinyOptions, layers: 3 });
  assert.match(score(other.tiny.path, '--force').stderr, /^hneurons: the detector is for [^\n]+\n$/);
});
