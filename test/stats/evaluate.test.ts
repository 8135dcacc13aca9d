import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EvaluationInput, evaluateDetector } from '../../src/stats/evaluate.js';
import { derive, uniform } from '../../src/stats/random.js';

function input(shift: number): EvaluationInput {
  const random = derive(21, 'evaluate');
  const labels = Uint8Array.from({ length: 60 }, (_, i) => i % 2);
  const noisy = (by: number) =>
    Float64Array.from(labels, (label) => uniform(random) - 0.5 + by * (label - 0.5));
  return {
    scores: noisy(shift),
    labels,
    // 44 samples of one relation, 12 of another, 4 of a third that has faithful ones only.
    relations: Array.from(labels, (label, i) =>
      i < 44 ? 'large' : i >= 52 && label === 0 ? 'onesided' : 'little',
    ),
    controls: Array.from({ length: 10 }, (_, seed) => ({ seed, scores: noisy(0) })),
    baselines: [{ name: 'length', description: 'tokens', kind: 'output', scores: noisy(0.1) }],
    platt: { slope: 2, intercept: 0 },
    seed: 3,
  };
}

function pairs(scores: ArrayLike<number>, labels: Uint8Array, keep: (i: number) => boolean): number {
  let won = 0;
  let all = 0;
  for (let a = 0; a < labels.length; a++) {
    for (let b = 0; b < labels.length; b++) {
      if (labels[a] !== 1 || labels[b] !== 0 || !keep(a) || !keep(b)) continue;
      all++;
      won += scores[a] > scores[b] ? 1 : scores[a] === scores[b] ? 0.5 : 0;
    }
  }
  return won / all;
}

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test('every figure is the one counted by hand, of the right scores and the right samples', () => {
  const given = input(0.6);
  const { scores, labels, relations, controls } = given;
  const found = evaluateDetector(given);
  const right = (values: ArrayLike<number>, keep = (_: number) => true) => {
    const kept = [...labels.keys()].filter(keep);
    return kept.filter((i) => values[i] > 0 === (labels[i] === 1)).length / kept.length;
  };
  assert.deepEqual([found.faithful, found.hallucinated], [30, 30]);
  near(
    found.auroc.estimate,
    pairs(scores, labels, () => true),
  );
  near(found.accuracy.estimate, right(scores));
  controls.forEach((control, i) => {
    assert.equal(found.control.runs[i].seed, control.seed);
    near(
      found.control.runs[i].auroc,
      pairs(control.scores, labels, () => true),
    );
    near(found.control.runs[i].accuracy, right(control.scores));
  });
  const areas = found.control.runs.map((run) => run.auroc);
  near(found.control.auroc.mean, areas.reduce((a, b) => a + b) / 10);
  assert.deepEqual(
    [found.control.auroc.low, found.control.auroc.high],
    [Math.min(...areas), Math.max(...areas)],
  );
  near(found.control.difference.auroc.estimate, found.auroc.estimate - found.control.auroc.mean);
  near(found.control.difference.accuracy.estimate, found.accuracy.estimate - found.control.accuracy.mean);
  near(
    found.baselines[0].auroc.estimate,
    pairs(given.baselines[0].scores, labels, () => true),
  );

  assert.deepEqual(
    found.relations.map(({ relation, faithful, hallucinated, small }) => [
      relation,
      faithful,
      hallucinated,
      small,
    ]),
    [
      ['large', 22, 22, false],
      ['little', 4, 8, true],
      ['onesided', 4, 0, true],
    ],
  );
  for (const row of found.relations) {
    const inside = (i: number) => relations[i] === row.relation;
    near(row.accuracy.estimate, right(scores, inside));
    if (row.auroc) near(row.auroc.estimate, pairs(scores, labels, inside));
    for (const { low, estimate, high } of [row.accuracy, row.auroc ?? row.accuracy]) {
      assert.ok(low <= estimate && estimate <= high);
    }
  }
  assert.equal(found.relations[2].auroc, null);
});

test('a good detector stands out of chance, a blind one does not', () => {
  const good = evaluateDetector(input(0.8));
  assert.ok(good.permutation.p < 0.01);
  assert.ok(good.control.difference.auroc.low > 0.1);
  const blind = evaluateDetector(input(0));
  assert.ok(blind.permutation.p > 0.05);
  assert.ok(blind.control.difference.auroc.low < 0 && blind.control.difference.auroc.high > 0);
});

test('equal input gives equal figures; a baseline more changes no other figure', () => {
  const given = input(0.6);
  const found = evaluateDetector(given);
  assert.deepEqual(evaluateDetector(given), found);
  const extra = { name: 'other', description: '', kind: 'output' as const, scores: given.labels };
  const more = evaluateDetector({ ...given, baselines: [extra, ...given.baselines] });
  assert.deepEqual({ ...more, baselines: more.baselines.slice(1) }, found);
});

test('nothing to compare is an error, not a row of NaN', () => {
  const given = input(0.6);
  assert.throws(() => evaluateDetector({ ...given, labels: new Uint8Array(60) }), RangeError);
  assert.throws(() => evaluateDetector({ ...given, controls: [] }), RangeError);
  assert.throws(() => evaluateDetector({ ...given, scores: Array(60).fill(Number.NaN) }), RangeError);
});
