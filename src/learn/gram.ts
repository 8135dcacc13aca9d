import type { DenseMatrix } from './matrix.js';
import { addProducts } from './products.js';
import type { Scanner } from './scanner.js';
import type { Workspace } from './workspace.js';

/** Rows [from, size) of the lower triangle of B^T B. */
export interface GramTask {
  /** `[rows, size]`, row-major. */
  b: Float32Array;
  rows: number;
  size: number;
  from: number;
  /** `[size, size]`. */
  into: Float64Array;
}

export function gramRows({ b, rows, size, from, into }: GramTask, first: number, step: number): void {
  addProducts({ values: b, count: size, length: rows, across: 1, along: size }, from, into, first, step);
}

/** Relative change of the curvatures up to which a Hessian is used again. */
const STALE = 0.2;

/** X^T D X over chosen columns of a matrix, which keeps what it computed. */
export interface Gram {
  /** Whether D has changed so much that the kept part is no good approximation any more. */
  isStale(d: Float64Array): boolean;
  /** `[active, active]` at `d` when fresh, else at the `d` of the last fresh call. */
  of(active: number[], d: Float64Array, fresh: boolean): Promise<Float64Array>;
}

export function createGram(matrix: DenseMatrix, scanner: Scanner, workspace: Workspace): Gram {
  const { rows, columns } = matrix;
  const x = matrix.blocks[0];
  const base = new Float64Array(rows);
  let order: number[] = [];
  let place = new Map<number, number>();
  let turn = 0;
  let kept: Float64Array = new Float64Array(0);

  const extend = async (missing: number[]) => {
    const from = order.length;
    order = [...order, ...missing];
    const size = order.length;
    const b = workspace.float32('gram columns', rows * size);
    for (let i = 0; i < rows; i++) {
      const root = Math.sqrt(base[i]);
      for (let k = 0; k < size; k++) b[i * size + k] = root * x[i * columns + order[k]];
    }
    // Old and new are in use together.
    turn = 1 - turn;
    const into = workspace.float64(`gram ${turn}`, size * size).fill(0);
    for (let a = 0; a < from; a++) into.set(kept.subarray(a * from, a * from + a + 1), a * size);
    await scanner.gram({ b, rows, size, from, into });
    kept = into;
    missing.forEach((j, k) => {
      place.set(j, from + k);
    });
  };
  return {
    isStale(d) {
      let change = 0;
      let sum = 0;
      for (let i = 0; i < rows; i++) {
        change += Math.abs(d[i] - base[i]);
        sum += d[i];
      }
      return change > STALE * sum;
    },
    async of(active, d, fresh) {
      if (fresh) {
        order = [];
        place = new Map();
        base.set(d);
      }
      const missing = active.filter((j) => !place.has(j));
      if (missing.length > 0) await extend(missing);
      const n = active.length;
      const size = order.length;
      const h = new Float64Array(n * n);
      const at = active.map((j) => place.get(j)!);
      for (let a = 0; a < n; a++) {
        for (let c = 0; c <= a; c++) {
          const [low, high] = at[a] < at[c] ? [at[a], at[c]] : [at[c], at[a]];
          h[a * n + c] = kept[high * size + low];
          h[c * n + a] = h[a * n + c];
        }
      }
      return h;
    },
  };
}
