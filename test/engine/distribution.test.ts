import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { draw, makeDistribution } from '../../src/engine/sample/distribution.js';
import { randomStream } from '../../src/engine/sample/stream.js';
import { seededRandom } from '../support/random.js';

interface Filters {
  temperature: number;
  topK: number;
  topP: number;
  minP: number;
}

/** The same by sorting everything: temperature, top-k, top-p on what is left, min-p relative to the best. */
function bruteForce(logits: Float32Array, { temperature, topK, topP, minP }: Filters): [number, number][] {
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b);
  if (temperature === 0) return [[order[0], 1]];
  let kept = topK > 0 ? order.slice(0, topK) : order;
  const weight = (token: number) => Math.exp((logits[token] - logits[order[0]]) / temperature);
  const total = kept.reduce((sum, token) => sum + weight(token), 0);
  let before = 0;
  kept = kept.filter((token) => {
    const keep = before / total < topP;
    before += weight(token);
    return keep;
  });
  kept = kept.filter((token) => weight(token) >= minP);
  const mass = kept.reduce((sum, token) => sum + weight(token), 0);
  return kept.map((token) => [token, weight(token) / mass]);
}

function someLogits(size: number, seed: number): Float32Array {
  const random = seededRandom(seed);
  // Rounded, so that there are ties.
  return Float32Array.from({ length: size }, () => Math.round(40 * (random() + random() - 1)) / 8);
}

describe('filters against brute force', () => {
  const settings: Filters[] = [
    { temperature: 1, topK: 0, topP: 1, minP: 0 },
    { temperature: 1, topK: 50, topP: 0.9, minP: 0 },
    { temperature: 0.7, topK: 20, topP: 0.8, minP: 0 },
    { temperature: 2.5, topK: 300, topP: 0.95, minP: 0.02 },
    { temperature: 1, topK: 0, topP: 0.5, minP: 0 },
    { temperature: 1, topK: 0, topP: 1, minP: 0.3 },
    { temperature: 1, topK: 1, topP: 1, minP: 0 },
    { temperature: 1, topK: 5000, topP: 0.9, minP: 0 },
    { temperature: 0, topK: 50, topP: 0.9, minP: 0 },
  ];
  for (const filters of settings)
    it(JSON.stringify(filters), () => {
      for (const size of [1, 2, 49, 50, 51, 1000]) {
        const distribution = makeDistribution(size, filters);
        for (let seed = 1; seed <= 5; seed++) {
          const logits = someLogits(size, seed);
          const want = bruteForce(logits, filters);
          const got = distribution(logits);
          assert.deepEqual(
            [...got.tokens.subarray(0, got.count)],
            want.map(([token]) => token),
          );
          const normaliser = Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0));
          let cumulative = 0;
          want.forEach(([token, p], i) => {
            cumulative += p;
            assert.ok(Math.abs(got.cumulative[i] - cumulative) < 1e-9);
            assert.ok(Math.abs(got.logProbability[i] - (logits[token] - normaliser)) < 2e-3);
          });
        }
      }
    });
});

it('impossible tokens are never drawn, and the last candidate catches a number of almost one', () => {
  const logits = Float32Array.from([Number.NEGATIVE_INFINITY, 1, 2, Number.NEGATIVE_INFINITY]);
  const candidates = makeDistribution(4, { temperature: 1, topK: 0, topP: 1, minP: 0 })(logits);
  const tokens = [0, 0.5, 0.9, 0.999999999].map((u) => candidates.tokens[draw(candidates, u)]);
  assert.ok(tokens.every((token) => token === 1 || token === 2));
  assert.equal(draw({ ...candidates, count: 2 }, 0.9999999999999999), 1);
});

describe('random streams', () => {
  it('are uniform, repeatable, and different for each seed, question and sample', () => {
    const take = (seed: number, id: string, index: number, count: number) => {
      const next = randomStream(seed, id, index);
      return Array.from({ length: count }, next);
    };
    const first = take(1, 'q', 0, 20000);
    assert.deepEqual(first, take(1, 'q', 0, 20000));
    const others = [
      take(2, 'q', 0, 3),
      take(1, 'r', 0, 3),
      take(1, 'q', 1, 3),
      take(11, 'q', 0, 3),
      take(1, '1q', 0, 3),
    ];
    assert.equal(new Set([first.slice(0, 3), ...others].map(String)).size, 6);
    const bins = new Array(20).fill(0);
    for (const u of first) {
      assert.ok(u >= 0 && u < 1);
      bins[Math.floor(20 * u)]++;
    }
    const chi = bins.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    assert.ok(chi < 50, `chi-square ${chi} with 19 degrees of freedom`);
  });
});
