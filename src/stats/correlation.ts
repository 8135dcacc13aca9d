import { midranks } from './metrics.js';

/** Pearson's correlation; NaN where one side is constant. */
export function pearson(x: ArrayLike<number>, y: ArrayLike<number>): number {
  const n = x.length;
  let meanX = 0;
  let meanY = 0;
  for (let i = 0; i < n; i++) {
    meanX += x[i] / n;
    meanY += y[i] / n;
  }
  let xx = 0;
  let yy = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    xx += (x[i] - meanX) ** 2;
    yy += (y[i] - meanY) ** 2;
    xy += (x[i] - meanX) * (y[i] - meanY);
  }
  return xy / Math.sqrt(xx * yy);
}

/** Spearman's rank correlation: Pearson's of the midranks. */
export function spearman(x: ArrayLike<number>, y: ArrayLike<number>): number {
  return pearson(midranks(x), midranks(y));
}

/**
 * Groups of columns that hang together: two are joined when their |correlation| is at least `least`, directly or over others
 * (single linkage). Groups of one are left out; larger ones come first. Constant columns join nothing.
 *
 * @param columns values of each column, all of one length
 */
export function correlatedGroups(columns: Float64Array[], least: number): number[][] {
  const unit = columns.map(unitVector);
  const parent = columns.map((_, i) => i);
  const root = (i: number): number => {
    let at = i;
    while (parent[at] !== at) at = parent[at];
    return at;
  };
  for (let a = 0; a < unit.length; a++) {
    for (let b = a + 1; b < unit.length; b++) {
      const [x, y] = [unit[a], unit[b]];
      let r = 0;
      for (let i = 0; i < x.length; i++) r += x[i] * y[i];
      // A correlation of exactly the limit must not depend on the last bit.
      if (Math.abs(r) >= least - 1e-12) parent[root(b)] = root(a);
    }
  }
  const groups = new Map<number, number[]>();
  columns.forEach((_, i) => {
    const members = groups.get(root(i)) ?? [];
    members.push(i);
    groups.set(root(i), members);
  });
  return [...groups.values()].filter(({ length }) => length > 1).sort((a, b) => b.length - a.length);
}

/** A column less its mean, divided by its length: the product of two is their correlation. All zeros for a constant column. */
export function unitVector(column: Float64Array): Float64Array {
  const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
  const centred = column.map((value) => value - mean);
  const length = Math.sqrt(centred.reduce((sum, value) => sum + value * value, 0));
  // What is left of a constant column is rounding.
  const scale = length > 1e-9 * Math.abs(mean) * Math.sqrt(column.length) ? 1 / length : 0;
  return centred.map((value) => value * scale);
}
