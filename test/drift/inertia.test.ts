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

const { score, rank } = inertiaRanks(Float64Array.from(up), Float64Array.from(down));

test('ranks and their tests agree with scipy', () => {
  rank.forEach((value, j) => {
    near(value, statistics.rank[j]);
  });
  const found = testInertia(rank, statistics.marked, { ffn: FFN, seed: 1, sets: 500 });
  near(found.meanRank.estimate, statistics.meanRank);
  near(found.meanRank.low, statistics.low);
  near(found.meanRank.high, statistics.high);
  near(found.othersMeanRank, statistics.othersMeanRank);
  near(found.welch.t, statistics.welch.t);
  near(found.welch.degrees, statistics.welch.degrees);
  near(found.welch.p / statistics.welch.p, 1, 1e-3);
  near(found.mannWhitney.u, statistics.mannWhitney.u);
  near(found.mannWhitney.p / statistics.mannWhitney.p, 1, 1e-3);
  near(found.effect.d, statistics.d);
  // Every seventh neuron hardly moved, and the marked ones are among them.
  assert.ok(found.layerMatched.p < 0.01);
});

test('the neuron that moved most has rank 0, the one that moved least rank 1', () => {
  const { rank: ranks } = inertiaRanks(Float64Array.of(0.1, 0.9, 0.5), Float64Array.of(0.2, 0.8, 0.3));
  assert.deepEqual([...ranks], [1, 0, 0.5]);
});

test('depth is not taken for inertia: layer-matched sets see that all neurons of a still layer are still', () => {
  const random = derive(3, 'depth');
  // Layer 0 hardly moves, layer 1 a lot; the marked neurons are an arbitrary part of layer 0.
  const drift = Float64Array.from({ length: 400 }, (_, j) => (j < 200 ? 0.1 : 1) + 0.05 * uniform(random));
  const { rank: ranks } = inertiaRanks(drift, drift);
  const marked = Array.from({ length: 30 }, (_, i) => 5 * i + 2);
  const found = testInertia(ranks, marked, { ffn: 200, seed: 1 });
  assert.ok(found.welch.p < 1e-6, 'the plain test is misled');
  assert.ok(found.layerMatched.p > 0.05, `p = ${found.layerMatched.p}`);
  near(found.layerMatched.mean, 0.75, 0.02);
});

test('what is linear in the log norms is taken away, as least squares by numpy does', () => {
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
  const residual = withoutNorms(score, [norm('up'), norm('down')]);
  statistics.residual.forEach((value: number, j: number) => {
    near(residual[j], value, 1e-6);
  });
});

test('a covariate that does not vary, or repeats another, does no harm', () => {
  const values = Float64Array.of(1, 2, 3, 4);
  const norms = Float64Array.of(1, 3, 2, 5);
  const once = withoutNorms(values, [norms]);
  const twice = withoutNorms(values, [norms, norms]);
  const constant = withoutNorms(values, [Float64Array.of(2, 2, 2, 2), norms]);
  once.forEach((value, j) => {
    near(twice[j], value);
    near(constant[j], value);
  });
});
