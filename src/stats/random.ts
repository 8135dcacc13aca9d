import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** A stream of random numbers. Drawing from it changes it. */
export type Random = RandomGenerator;

/**
 * The random stream that belongs to a seed and a path of names, for instance `derive(7, 'bootstrap', 'auroc')`.
 * Equal arguments give equal streams on every machine; streams of different names are unrelated, so one consumer
 * that draws more than before changes nothing for the others.
 */
export function derive(seed: number, ...names: (string | number)[]): Random {
  // All 128 bits of the state come from a hash: the generator's own seeding puts the bare seed into the first draw.
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...names]))
    .digest();
  return xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32LE(at)));
}

/** A number in [0, 1) with 53 random bits. */
export function uniform(random: Random): number {
  return uniformFloat64(random);
}

/** An integer in [0, below), all equally likely. `below` is at least 1. */
export function int(random: Random, below: number): number {
  return uniformInt(random, 0, below - 1);
}

/** Puts the elements in a random order, in place, every order equally likely (Fisher-Yates). Returns `items`. */
export function shuffle<T extends { length: number; [index: number]: unknown }>(random: Random, items: T): T {
  for (let last = items.length - 1; last > 0; last--) {
    const other = int(random, last + 1);
    const kept = items[last];
    items[last] = items[other];
    items[other] = kept;
  }
  return items;
}

/**
 * `count` different integers of [0, below), every set equally likely, in ascending order (Floyd's algorithm: time and
 * memory grow with `count`, not with `below`). Throws a RangeError when count > below.
 */
export function choose(random: Random, below: number, count: number): Uint32Array {
  if (count > below) throw new RangeError(`cannot choose ${count} of ${below}`);
  const chosen = new Set<number>();
  for (let top = below - count; top < below; top++) {
    const drawn = int(random, top + 1);
    chosen.add(chosen.has(drawn) ? top : drawn);
  }
  return Uint32Array.from(chosen).sort();
}
