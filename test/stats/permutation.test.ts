import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aurocPValue, permutationPValue } from '../../src/stats/permutation.js';
import { derive } from '../../src/stats/random.js';

const SCORES = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.4, 0.65, 0.2, 0.35, 0.7, 0.1];
const LABELS = Uint8Array.from([0, 0, 1, 1, 1, 1, 0, 1, 0, 0, 0, 1]);

test('the p-value agrees with counting all labellings', () => {
  // scikit-learn and itertools.combinations: 169 of 924 labellings reach the AUROC; within the two halves, 54 of 225.
  const all = aurocPValue(SCORES, LABELS, derive(1), undefined, 20_000);
  assert.ok(Math.abs(all - 169 / 924) < 0.012, `${all}`);
  const halves = LABELS.map((_, i) => (i < 6 ? 0 : 1));
  const within = aurocPValue(SCORES, LABELS, derive(2), halves, 20_000);
  assert.ok(Math.abs(within - 54 / 225) < 0.012, `${within}`);
});

test('a detector that only knows the topic gets no credit within topics', () => {
  const strata = Uint8Array.from({ length: 60 }, (_, i) => (i < 30 ? 0 : 1));
  const labels = Uint8Array.from({ length: 60 }, (_, i) => (i % 5 === 0 ? 1 - strata[i] : strata[i]));
  assert.ok(aurocPValue(strata, labels, derive(3)) < 0.01);
  assert.equal(aurocPValue(strata, labels, derive(3), strata), 1);
});

test('never zero: the smallest p-value is 1 / (permutations + 1)', () => {
  const labels = Uint8Array.from({ length: 40 }, (_, i) => (i < 20 ? 0 : 1));
  const scores = Array.from(labels, (_, i) => i);
  assert.equal(aurocPValue(scores, labels, derive(4), undefined, 99), 0.01);
});

test('the labels of each stratum are only rearranged, and the true ones stay untouched', () => {
  const labels = Uint8Array.from([1, 0, 0, 1, 1, 0]);
  const strata = [0, 0, 0, 7, 7, 7];
  const seen = new Set<string>();
  permutationPValue(
    (labelling) => {
      seen.add(`${labelling[0] + labelling[1] + labelling[2]} ${labelling[3] + labelling[4] + labelling[5]}`);
      return 0;
    },
    labels,
    derive(5),
    strata,
    100,
  );
  assert.deepEqual([...seen], ['1 2']);
  assert.deepEqual([...labels], [1, 0, 0, 1, 1, 0]);
});
