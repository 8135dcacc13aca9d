import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { detectorProbability } from '../../src/pipeline/detector.js';
import { heldOutAnswers, readHeldOutAnswers } from '../../src/risk/held-out.js';
import { nearest, neighbours, probabilityInterval } from '../../src/risk/interval.js';
import { seededRandom } from '../support/random.js';
import { temporaryFolder } from '../support/temporary.js';
import { riskDetector } from './support.js';

const detector = riskDetector();
const scratch = temporaryFolder();

/** Answers whose chance to be hallucinated is what the calibration says, or something else. */
function draw(seed: number, total: number, chance = (score: number) => detectorProbability(detector, score)) {
  const random = seededRandom(seed);
  return heldOutAnswers(
    Array.from({ length: total }, () => {
      const score = 4 * random() - 2;
      return { score, label: random() < chance(score) ? 1 : 0 };
    }),
  );
}

test('the nearest scores are those that a sort by distance finds', () => {
  const { scores } = draw(1, 60);
  for (let i = 0; i < 200; i++) {
    const value = (i - 100) / 40;
    const count = 1 + (i % 60);
    const [from, to] = nearest(scores, value, count);
    const distances = [...scores].map((score) => Math.abs(score - value)).sort((a, b) => a - b);
    const found = [...scores.subarray(from, to)].map((score) => Math.abs(score - value));
    assert.deepEqual(
      found.sort((a, b) => a - b),
      distances.slice(0, count),
    );
  }
  assert.deepEqual(nearest(scores, 0, 100), [0, 60]);
});

test('the interval holds the true chance in 95 of 100 runs, whatever the score', () => {
  const runs = 300;
  for (const score of [-1.5, -0.5, 0, 0.25, 0.8, 1.6]) {
    const truth = detectorProbability(detector, score);
    let covered = 0;
    for (let seed = 0; seed < runs; seed++) {
      const heldOut = draw(1000 + seed, 400);
      const [low, high] = probabilityInterval(detector, score, heldOut);
      if (low <= truth && truth <= high) covered++;
    }
    assert.ok(covered / runs >= 0.93, `${score}: ${covered} of ${runs}`);
  }
});

test('where the calibration is off, the interval reaches to what was observed', () => {
  // The detector says about .12 at -.75; in truth nine of ten are hallucinated.
  const heldOut = draw(5, 400, () => 0.9);
  const [low, high] = probabilityInterval(detector, -0.75, heldOut);
  assert.ok(low <= detectorProbability(detector, -0.75) && high >= 0.9, `${low} ${high}`);
});

test('without held-out answers the width is that of as many as the calibration was fitted to', () => {
  const count = neighbours(400);
  assert.equal(count, 50);
  const score = 0.25;
  assert.equal(detectorProbability(detector, score), 0.5);
  const [low, high] = probabilityInterval(detector, score);
  // Wilson's interval of 25 of 50, by hand: .5 -+ 1.96 / (1 + 1.96^2 / 50) * sqrt(.25 / 50 + 1.96^2 / (4 * 50^2)).
  const half = (1.959964 / (1 + 3.841459 / 50)) * Math.sqrt(0.25 / 50 + 3.841459 / 10_000);
  assert.ok(Math.abs(low - (0.5 - half)) < 1e-6 && Math.abs(high - (0.5 + half)) < 1e-6, `${low} ${high}`);
  assert.deepEqual(probabilityInterval(detector, score, draw(1, 19)), [low, high], 'too few to tell');
  assert.deepEqual([neighbours(5), neighbours(40), neighbours(1e6)], [5, 20, 200]);
});

test('held-out answers are read from the files beside the detector, and only when they belong to it', async () => {
  const folder = join(scratch, 'run');
  mkdirSync(folder);
  const path = join(folder, 'detector.json');
  const auroc = { estimate: 0.9, low: 0.8, high: 0.95 };
  const tested = riskDetector({
    test: {
      faithful: 1,
      hallucinated: 1,
      accuracy: auroc,
      auroc,
      relations: [],
      control: { sets: 1, accuracy: 0.5, auroc: 0.5, difference: { accuracy: auroc, auroc } },
      baselines: [],
      permutation: { p: 0.1, permutations: 9 },
    },
  });
  assert.equal(await readHeldOutAnswers(path, tested), undefined, 'no files');
  const write = (estimate: number) =>
    writeFileSync(
      join(folder, 'evaluation.json'),
      JSON.stringify({
        test: { auroc: { estimate } },
        scores: [
          { id: 'b', score: 2 },
          { id: 'a', score: -1 },
          { id: 'unknown', score: 5 },
        ],
      }),
    );
  write(0.9);
  const line = (id: string, split: string, kind: string) =>
    JSON.stringify({ id, split, class: kind, more: 1 });
  const lines = [
    line('a', 'test', 'faithful'),
    line('x', 'train', 'faithful'),
    line('b', 'test', 'hallucinated'),
  ];
  writeFileSync(join(folder, 'cases.jsonl'), `${lines.join('\n')}\n`);
  assert.deepEqual(await readHeldOutAnswers(path, tested), {
    scores: Float64Array.of(-1, 2),
    labels: Uint8Array.of(0, 1),
  });
  assert.equal(await readHeldOutAnswers(path, riskDetector()), undefined, 'not evaluated yet');
  write(0.8);
  assert.equal(await readHeldOutAnswers(path, tested), undefined, 'another detector was evaluated');
  write(0.9);
  writeFileSync(join(folder, 'cases.jsonl'), '{"id": "a"}\n');
  assert.equal(await readHeldOutAnswers(path, tested), undefined, 'damaged');
});
