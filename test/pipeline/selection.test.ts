import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { SampleJob } from '../../src/engine/index.js';
import type { Case } from '../../src/pipeline/cases.js';
import { readCases } from '../../src/pipeline/cases.js';
import { chooseFrom } from '../../src/pipeline/choose.js';
import { type Detector, readDetector } from '../../src/pipeline/detector.js';
import { runStages } from '../../src/pipeline/find.js';
import { scoreQuestions, suppressedScores } from '../../src/pipeline/suppress.js';
import { fakeEngine } from '../support/fake-engine.js';
import { fakeSettings, openFakeRun } from '../support/fake-run.js';
import { temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const folder = join(root, 'run');
const grid = [0.3, 1, 3, 10, 30];

async function train(
  settings: Parameters<typeof fakeSettings>[0],
  engine: ReturnType<typeof fakeEngine> | undefined,
): Promise<Detector> {
  const context = await openFakeRun(folder, engine);
  try {
    await runStages(context, ['train'], fakeSettings({ grid, ...settings }));
    return await readDetector(join(folder, 'detector.json'));
  } finally {
    await context.close();
  }
}

before(async () => {
  // Each wrong answer is told by a neuron of its own: accuracy wants more than one.
  const context = await openFakeRun(folder, fakeEngine({ telling: [21, 5, 40, 60] }));
  await runStages(context, ['collect', 'extract'], fakeSettings());
  await context.close();
});

test('the criterion by hand: sum of both, of near equals the sparsest', () => {
  const point = (C: number, accuracy: number, suppressed: number, neurons: number) => ({
    C,
    accuracy,
    suppressed,
    neurons,
    hNeurons: neurons,
  });
  const path = [point(1, 0.8, 0.99, 5), point(2, 0.85, 0.95, 9), point(3, 0.9, 0.5, 40)];
  assert.equal(chooseFrom(path, 'accuracy', 100).C, 3);
  assert.equal(chooseFrom(path, 'accuracy+score', 100).C, 2);
  // 1.79 against 1.80 is less than one of 50 answers.
  assert.equal(chooseFrom(path, 'accuracy+score', 50).C, 1);
});

test('accuracy alone takes a C that breaks the model; with the score another one is taken', async () => {
  // Without an engine at hand: by accuracy alone none is needed.
  const byAccuracy = await train({ select: 'accuracy' }, undefined);
  assert.equal(byAccuracy.training.score, undefined);
  const most = byAccuracy.training.grid.find(({ C }) => C === byAccuracy.C)!;
  assert.ok(most.hNeurons > 1, JSON.stringify(byAccuracy.training.grid));

  const engine = fakeEngine({ breaks: (neurons) => neurons.length >= most.hNeurons });
  const detector = await train({}, engine);
  const { score, select, grid: points } = detector.training;
  assert.equal(select, 'accuracy+score');
  assert.deepEqual(score, { questions: 24, unsuppressed: 1 });
  for (const { hNeurons, suppressed } of points) {
    assert.equal(suppressed, hNeurons >= most.hNeurons ? 0 : 1);
  }
  assert.ok(detector.C < byAccuracy.C);
  const best = Math.max(...points.map(({ accuracy, suppressed }) => accuracy + suppressed!));
  const chosen = points.find(({ C }) => C === detector.C)!;
  assert.ok(best - chosen.accuracy - chosen.suppressed! < 1 / 48);
});

test('what is suppressed: the positive neurons of each C, at alpha 0, greedily, once for each set', async () => {
  const jobs: SampleJob[] = [];
  const cases = await readCases(join(folder, 'cases.jsonl'));
  const questions = scoreQuestions(cases, 10, 1);
  const path = join(root, 'once.jsonl');
  const scores = (breaks: (neurons: ArrayLike<number>) => boolean) =>
    suppressedScores({
      engine: fakeEngine({ breaks, onJob: (job) => jobs.push(job) }),
      questions,
      points: [
        { C: 1, neurons: [] },
        { C: 2, neurons: [3, 8] },
        { C: 3, neurons: [3, 8] },
        { C: 4, neurons: [3, 9] },
      ],
      promptStyle: 'few-shot',
      maxTokens: 20,
      path,
      onProgress: () => {},
    });
  const found = await scores((neurons) => Array.from(neurons).includes(8));
  assert.deepEqual(found, { questions: 10, unsuppressed: 1, scores: [1, 0, 0, 1] });
  assert.deepEqual(
    jobs.map(({ settings }) => [settings.temperature, settings.steering]),
    [
      [0, undefined],
      [0, { neurons: [3, 8], alpha: 0 }],
      [0, { neurons: [3, 9], alpha: 0 }],
    ],
  );
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  assert.equal(lines.length, 30);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).C),
    [...Array(10).fill(null), ...Array(10).fill(2), ...Array(10).fill(4)],
  );

  // Cut off in the middle of the second set, with a torn line: what is there is not asked again, and not changed.
  writeFileSync(
    path,
    lines
      .slice(0, 14)
      .map((line) => `${line}\n`)
      .join(''),
  );
  appendFileSync(path, '{"set": "no');
  jobs.length = 0;
  assert.deepEqual(await scores((neurons) => Array.from(neurons).includes(8)), found);
  assert.deepEqual(
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id)
      .sort(),
    lines.map((line) => JSON.parse(line).id).sort(),
  );
  assert.equal(jobs.length, 2);
});

test('score questions: known ones of the training half, by seed', () => {
  const cases = Array.from({ length: 40 }, (_, i) => ({
    id: `${i}`,
    split: i % 2 ? 'train' : 'test',
    class: i % 4 < 2 ? 'faithful' : 'hallucinated',
  })) as Case[];
  const drawn = scoreQuestions(cases, 6, 3);
  assert.equal(new Set(drawn).size, 6);
  assert.ok(drawn.every(({ split, class: kind }) => split === 'train' && kind === 'faithful'));
  assert.deepEqual(scoreQuestions(cases, 6, 3), drawn);
  assert.notDeepEqual(scoreQuestions(cases, 6, 4), drawn);
  assert.equal(scoreQuestions(cases, 100, 3).length, 10);
});

test('answers that are kept are judged anew: a verdict of an earlier reading is none', async () => {
  const path = join(root, 'kept.jsonl');
  const line = {
    set: 'none',
    C: null,
    id: 'q',
    text: 'I would choose option B because',
    verdict: 'uncertain',
  };
  writeFileSync(path, `${JSON.stringify(line)}\n`);
  const { unsuppressed } = await suppressedScores({
    engine: fakeEngine({ onJob: () => assert.fail('asked again') }),
    questions: [{ id: 'q', question: 'Which?', aliases: ['B'], kind: 'choice', options: ['this', 'that'] }],
    points: [],
    promptStyle: 'few-shot',
    maxTokens: 20,
    path,
    onProgress: () => {},
  });
  assert.equal(unsuppressed, 1);
});
