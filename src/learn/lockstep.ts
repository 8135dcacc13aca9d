import type { FeatureMatrix } from './matrix.js';
import type { Scanner, ScanRequest, ScanResult } from './scanner.js';

interface Waiting {
  request: ScanRequest;
  resolve(result: ScanResult): void;
  reject(error: unknown): void;
}

/**
 * Runs several fits over one matrix side by side: when all that are still at work wait for a pass over it, a single pass serves them
 * all. Such requests bring their own memory for the products. With a matrix that is read from disk at every pass this is what makes folds cost little more than one fit.
 */
export async function inLockstep<T>(
  scanner: Scanner,
  shared: FeatureMatrix,
  fits: ((scanner: Scanner) => Promise<T>)[],
): Promise<T[]> {
  let active = fits.length;
  let waiting: Waiting[] = [];

  const flush = () => {
    if (waiting.length === 0 || waiting.length < active) return;
    const served = waiting;
    waiting = [];
    const vectors = served.flatMap(({ request }) => request.vectors ?? []);
    const products = served.flatMap(({ request }) => request.products ?? []);
    const gathers = served.flatMap(({ request }) => request.gathers ?? []);
    scanner.scan(shared, { vectors, products, gathers }).then(
      () => {
        for (const { request, resolve } of served) resolve({ products: request.products ?? [] });
      },
      (error) => {
        for (const { reject } of served) reject(error);
      },
    );
  };
  const together: Scanner = {
    ...scanner,
    scan(matrix, request) {
      if (matrix !== shared) return scanner.scan(matrix, request);
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        flush();
      });
    },
  };
  const ended = await Promise.allSettled(
    fits.map(async (fit) => {
      try {
        return await fit(together);
      } finally {
        active -= 1;
        flush();
      }
    }),
  );
  return ended.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
}
