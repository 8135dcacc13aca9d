import { reserve, simd } from './simd/simd.js';

/** Vectors of which all pairs are multiplied: entry k of vector i is `values[i * across + k * along]`, times `scale[k]` where that is given. */
export interface Vectors {
  values: Float32Array;
  count: number;
  length: number;
  across: number;
  along: number;
  scale?: Float64Array;
}

/** Entries of the vectors that are taken at a time: four vectors of them stay in the first-level cache. */
const STRIP = 128;

/**
 * Adds the products of vectors i in [from, count) with all k <= i to `into`, `[count, count]`, in float64; what lands above the diagonal
 * is undefined. Does every `step`-th four of the vectors, from `first`: the sums are the same to the last bit in however
 * many shares.
 */
export function addProducts(
  vectors: Vectors,
  from: number,
  into: Float64Array,
  first: number,
  step: number,
): void {
  const { count, length } = vectors;
  const panels = Math.ceil(count / 4);
  const tiles = 4 * panels * STRIP;
  const memory = new Float64Array(reserve(8 * (tiles + 16 * panels)));
  const { products } = simd();
  for (let start = 0; start < length; start += STRIP) {
    const depth = Math.min(STRIP, length - start);
    for (let p = 0; p < panels; p++) pack(vectors, p, start, depth, memory);
    for (let p = Math.floor(from / 4) + first; p < panels; p += step) {
      products(32 * p * depth, 0, depth, p + 1, 8 * tiles);
      for (let i = Math.max(4 * p, from); i < Math.min(4 * p + 4, count); i++) {
        addRow(memory, tiles + 4 * (i - 4 * p), into, i * count, i + 1);
      }
    }
  }
}

/** Puts entries of four vectors side by side, zeros for those beyond the last. */
function pack(vectors: Vectors, panel: number, start: number, depth: number, into: Float64Array): void {
  const { values, count, across, along, scale } = vectors;
  for (let i = 0; i < 4; i++) {
    let to = 4 * panel * depth + i;
    if (4 * panel + i >= count) {
      for (let k = 0; k < depth; k++, to += 4) into[to] = 0;
      continue;
    }
    let at = (4 * panel + i) * across + start * along;
    if (scale) for (let k = 0; k < depth; k++, to += 4, at += along) into[to] = values[at] * scale[start + k];
    else for (let k = 0; k < depth; k++, to += 4, at += along) into[to] = values[at];
  }
}

/** Adds one row of tiles of four times four, `count` numbers. */
function addRow(tiles: Float64Array, from: number, into: Float64Array, to: number, count: number): void {
  const whole = count - (count % 4);
  let at = from;
  for (let k = 0; k < whole; k += 4, at += 16) {
    into[to + k] += tiles[at];
    into[to + k + 1] += tiles[at + 1];
    into[to + k + 2] += tiles[at + 2];
    into[to + k + 3] += tiles[at + 3];
  }
  for (let k = whole; k < count; k++) into[to + k] += tiles[at + k - whole];
}
