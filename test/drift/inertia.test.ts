import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withoutNorms } from '../../src/drift/confounder.js';
import { testInertia } from '../../src/drift/inertia.js';
import { inertiaRanks } from '../../src/drift/rank.js';
import { derive, uniform } from '../../src/stats/random.js';
import { FFN, LAYERS, weights } from '../support/ffn-files.js';

const golden = JSON.parse(readFileSync('test/drift/golden.json', 'utf8'));
const { up, down } = golden.formats.F32 as Record<string, number[]>;
const { statistics } = golden;
const near = (a: number, b: number, within = 1e-6) =>
  assert.ok(Math.abs(a - b) <= within * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

const { rank } = inertiaRanks([Float64Array.from(up), Float64Array.from(down)]);

test('ranks agree with scipy', () => {
  rank.forEach((value, j) => {
    near(value, statistics.rank[j]);
  });
});

for (const wanted of statistics.tests) {
  test(`tests agree with scipy to 1e-6 of each figure, p = ${wanted.mannWhitney.p.toPrecision(1)}`, () => {
    const found = testInertia(rank, wanted.marked, { ffn: FFN, seed: 1, sets: 500 });
    const same = (a: number, b: number) => near(a / b, 1);
    same(found.meanRank.estimate, wanted.meanRank);
    same(found.meanRank.low, Math.max(0, wanted.low));
    same(found.meanRank.high, Math.min(1, wanted.high));
    same(found.othersMeanRank, wanted.othersMeanRank);
    same(found.welch.t, wanted.welch.t);
    same(found.welch.degrees, wanted.welch.degrees);
    same(found.welch.p, wanted.welch.p);
    same(found.mannWhitney.u, wanted.mannWhitney.u);
    same(found.mannWhitney.p, wanted.mannWhitney.p);
    same(found.effect.d, wanted.d);
  });
}

test('neurons that hardly moved are found also among random sets of their layers', () => {
  const [{ marked }] = statistics.tests;
  assert.ok(testInertia(rank, marked, { ffn: FFN, seed: 1, sets: 500 }).layerMatched.p < 0.01);
});

test('the neuron that moved most has rank 0, the one that moved least rank 1', () => {
  const { rank: ranks } = inertiaRanks([Float64Array.of(0.1, 0.9, 0.5), Float64Array.of(0.2, 0.8, 0.3)]);
  assert.deepEqual([...ranks], [1, 0, 0.5]);
});

test('depth is not taken for inertia: layer-matched sets see that all neurons of a still layer are still', () => {
  const random = derive(3, 'depth');
  // Layer 0 hardly moves, layer 1 a lot; the marked neurons are an arbitrary part of layer 0.
  const drift = Float64Array.from({ length: 400 }, (_, j) => (j < 200 ? 0.1 : 1) + 0.05 * uniform(random));
  const { rank: ranks } = inertiaRanks([drift, drift]);
  const marked = Array.from({ length: 30 }, (_, i) => 5 * i + 2);
  const found = testInertia(ranks, marked, { ffn: 200, seed: 1 });
  assert.ok(found.welch.p < 1e-6, 'the plain test is misled');
  assert.ok(found.layerMatched.p > 0.05, `p = ${found.layerMatched.p}`);
  near(found.layerMatched.mean, 0.75, 0.02);
});

const lists = { up: Float64Array.from(up), down: Float64Array.from(down) };

test('what the norms explain is taken away within each layer, as least squares by numpy does', () => {
  const norm = (part: 'up' | 'down') =>
    Float64Array.from({ length: LAYERS * FFN }, (_, flat) => {
      const [layer, j] = [Math.floor(flat / FFN), flat % FFN];
      const matrix = weights(layer, part, false);
      let squares = 0;
      for (let i = 0; i < matrix.length; i++) {
        if ((part === 'up' ? Math.floor(i / 64) : i % FFN) === j) squares += matrix[i] ** 2;
      }
      return Math.sqrt(squares);
    });
  const residual = withoutNorms([lists.up, lists.down], [norm('up'), norm('down')], FFN);
  assert.equal(statistics.residual.length, Math.ceil((LAYERS * FFN) / 5));
  statistics.residual.forEach((value: number, i: number) => {
    near(residual[5 * i], value);
  });
});

/** Neurons of two layers under an update of one size for all, larger in the second; their norms are log-normal. */
function updated(size: (j: number) => number): { drift: Float64Array; norms: Float64Array } {
  const random = derive(5, 'updated');
  const norms = Float64Array.from({ length: 1000 }, () => Math.exp(2 * (uniform(random) - 0.5)));
  return { norms, drift: norms.map((norm, j) => ((j < 500 ? 1 : 3) * size(j)) ** 2 / (2 * norm ** 2)) };
}

test('an update of one size for all leaves nothing, whatever the norms and the layers', () => {
  const { drift, norms } = updated(() => 0.05);
  withoutNorms([drift, drift], [norms, norms], 500).forEach((value) => {
    near(value, 0, 1e-9);
  });
});

test('a neuron that moved by half of what its size explains comes out last, one that did not move too', () => {
  const { drift, norms } = updated((j) => (j === 7 ? 0.025 : 0.05));
  drift[600] = 0;
  const residual = withoutNorms([drift], [norms], 500);
  const last = (from: number) =>
    residual.subarray(from, from + 500).reduce((best, v, j, own) => (v < own[best] ? j : best), 0);
  assert.deepEqual([last(0), last(500)], [7, 100]);
  assert.ok(residual.every(Number.isFinite));
});

test('a layer in which nothing moved says nothing about its neurons', () => {
  const { drift, norms } = updated((j) => (j < 500 ? 0 : 0.05 + (j % 7) / 100));
  const residual = withoutNorms([drift], [norms], 500);
  assert.ok(residual.subarray(0, 500).every((value) => value === 0));
  assert.ok(residual.subarray(500).some((value) => Math.abs(value) > 0.1));
});

test('a covariate that does not vary, or repeats another, does no harm', () => {
  const values = Float64Array.of(1, 2, 3, 4);
  const norms = Float64Array.of(1, 3, 2, 5);
  const once = withoutNorms([values], [norms], 4);
  const twice = withoutNorms([values], [norms, norms], 4);
  const constant = withoutNorms([values], [Float64Array.of(2, 2, 2, 2), norms], 4);
  once.forEach((value, j) => {
    near(twice[j], value);
    near(constant[j], value);
  });
});
