import { inLockstep } from './lockstep.js';
import type { FeatureMatrix } from './matrix.js';
import { rowCount } from './matrix.js';
import { checkGrid, checkLabels, type PathPoint, pathOver, type Weighing } from './path.js';
import { createScanner } from './scanner.js';
import { openStore } from './store.js';

export interface ResampleOptions extends Weighing {
  matrix: FeatureMatrix;
  labels: Uint8Array;
  /** For each fit: how often each row counts. Rows of both labels must count in every one. */
  counts: Uint8Array[];
  C: number;
  tolerance?: number;
  threads?: number;
  memory?: number;
  onFit?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * The L1 fit at one C to many resamples of the rows, over one copy of the matrix and with shared passes. Each goes by way of
 * two smaller values of C, which is faster than from nothing. Throws UserErrors as `fitPath` does.
 */
export async function fitResamples(options: ResampleOptions): Promise<PathPoint[]> {
  const { matrix, labels, counts, C, tolerance, signal } = options;
  checkLabels(labels, rowCount(matrix));
  checkGrid([C]);
  const scanner = createScanner({ threads: options.threads, signal });
  try {
    const { memory, standardise, classWeights } = options;
    const store = await openStore(matrix, scanner, { memory, standardise });
    const share = { ...store, memory: store.memory / counts.length };
    const grid = [C / 10, C / 3, C];
    let done = 0;
    return await inLockstep(
      scanner,
      store.matrix,
      counts.map((used) => async (together) => {
        let last: PathPoint | undefined;
        for await (const { point } of pathOver(
          share,
          labels,
          used,
          { grid, classWeights, tolerance },
          together,
        )) {
          last = point;
          done += 1;
          options.onFit?.(done, grid.length * counts.length);
        }
        return last!;
      }),
    );
  } finally {
    await scanner.close();
  }
}
