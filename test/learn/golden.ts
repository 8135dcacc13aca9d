import { readFileSync } from 'node:fs';
import type { Problem } from './support.js';

export interface GoldenFit {
  penalty: 'l1' | 'l2';
  standardise: boolean;
  balanced: boolean;
  C: number;
  objective: number;
  intercept: number;
  /** Of L2 fits; for the features as they are. */
  weights?: number[];
}

/** Optima of scikit-learn, made by `make-sklearn.py`. */
export function readGolden(): { problem: Problem; fits: GoldenFit[] } {
  const path = new URL('../../../test/learn/sklearn.json', import.meta.url);
  const { rows, columns, x, labels, fits } = JSON.parse(readFileSync(path, 'utf8'));
  const problem = { rows, columns, x: Float32Array.from(x), labels: Uint8Array.from(labels) };
  return { problem, fits };
}
