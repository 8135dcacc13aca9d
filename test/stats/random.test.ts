import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choose, derive, int, shuffle, uniform } from '../../src/stats/random.js';

const draws = (random: ReturnType<typeof derive>, count: number) =>
  Array.from({ length: count }, () => uniform(random));

test('equal seeds and names give equal streams; any other name or seed gives another', () => {
  const base = draws(derive(7, 'bootstrap', 'auroc'), 5);
  assert.deepEqual(draws(derive(7, 'bootstrap', 'auroc'), 5), base);
  // Joining the names, or a number and its text, must not meet in one stream.
  for (const other of [
    derive(8, 'bootstrap', 'auroc'),
    derive(7, 'bootstrapauroc'),
    derive(7, 'bootstrap', 'auroc', 0),
    derive(7),
  ]) {
    assert.notDeepEqual(draws(other, 5), base);
  }
  assert.notDeepEqual(draws(derive(7, 1), 5), draws(derive(7, '1'), 5));
});

test('neighbouring seeds give unrelated first draws', () => {
  // A generator that shows its seed in the first draw fails here.
  const first = Array.from({ length: 2000 }, (_, seed) => uniform(derive(seed)));
  let product = 0;
  for (let i = 1; i < first.length; i++) product += (first[i - 1] - 0.5) * (first[i] - 0.5);
  const correlation = (product / (first.length - 1)) * 12;
  assert.ok(Math.abs(correlation) < 0.08, `lag-1 correlation ${correlation}`);
});

test('the stream is pinned: another algorithm would silently change every published figure', () => {
  // A Python program: hashlib.sha256(b'[1,"pinned"]'), xoroshiro128+ (24, 16, 37), 26 + 27 low bits of two outputs.
  assert.deepEqual(
    draws(derive(1, 'pinned'), 3),
    [0.6116811445891913, 0.9493511622713631, 0.4081825334350162],
  );
});

test('int, shuffle and choose are uniform (chi-square)', () => {
  const random = derive(3, 'uniform');
  const chiSquare = (counts: number[]) => {
    const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
    return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  };
  const ints = new Array(6).fill(0);
  for (let i = 0; i < 12_000; i++) ints[int(random, 6)]++;
  assert.ok(chiSquare(ints) < 20.5, `int ${ints}`); // 5 degrees of freedom, p = .001

  const orders = new Map<string, number>();
  for (let i = 0; i < 12_000; i++) {
    const order = shuffle(random, [0, 1, 2]).join('');
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assert.equal(orders.size, 6);
  assert.ok(chiSquare([...orders.values()]) < 20.5, `shuffle ${[...orders]}`);

  const sets = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    const set = choose(random, 5, 2).join('');
    sets.set(set, (sets.get(set) ?? 0) + 1);
  }
  assert.equal(sets.size, 10);
  assert.ok(chiSquare([...sets.values()]) < 27.9, `choose ${[...sets]}`); // 9 degrees of freedom, p = .001
});

test('choose gives different numbers in ascending order, also when it takes all of them', () => {
  assert.deepEqual([...choose(derive(1), 7, 7)], [0, 1, 2, 3, 4, 5, 6]);
  const some = choose(derive(2), 2_300_000, 1000);
  assert.equal(new Set(some).size, 1000);
  assert.deepEqual(
    [...some],
    [...some].sort((a, b) => a - b),
  );
  assert.throws(() => choose(derive(1), 3, 4), RangeError);
});
