import { createHash } from 'node:crypto';

/** Random numbers of one file: the same for the same seed, kind and number, whatever other files are made. */
export function randomOf(...parts) {
  let state = createHash('sha256').update(parts.join('/')).digest().readUInt32LE(0);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { next, below, pick: (list) => list[below(list.length)] };
}
