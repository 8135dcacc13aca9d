import { createHash } from 'node:crypto';

/**
 * The random stream of one sample: uniform numbers in [0, 1) that depend on (seed, question id, sample index) and on
 * how many were taken before, and on nothing else. SHA-256 in counter mode, four 53-bit numbers a block; so samples
 * may be drawn in any order, in any batch, and get the same numbers.
 */
export function randomStream(seed: number, id: string, index: number): () => number {
  const key = createHash('sha256').update(`${seed}\0${index}\0${id}`).digest();
  let block = Buffer.alloc(0);
  let counter = 0;
  let used = 4;
  return () => {
    if (used === 4) {
      block = createHash('sha256').update(key).update(String(counter++)).digest();
      used = 0;
    }
    const high = block.readUInt32LE(used * 8) >>> 5;
    const low = block.readUInt32LE(used * 8 + 4) >>> 6;
    used++;
    return (high * 67108864 + low) / 9007199254740992;
  };
}
