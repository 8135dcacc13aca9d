import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Detector } from '../../src/pipeline/detector.js';

/** A detector of some neurons of a model of this shape; `against` have negative weights. */
export function detectorOf(
  model: { architecture: string; layers: number; ffn: number; path?: string },
  neurons: [layer: number, index: number][],
  against: [layer: number, index: number][] = [],
): Detector {
  const { architecture, layers, ffn, path } = model;
  const sha256 = path ? createHash('sha256').update(readFileSync(path)).digest('hex') : 'aa'.repeat(32);
  const withWeight = (weight: number) => (place: [number, number], i: number) => ({
    layer: place[0],
    index: place[1],
    weight: weight * (i + 1),
  });
  return {
    schema: 'hneurons/detector',
    version: 1,
    model: { name: 'tiny', sha256, architecture, layers, ffn },
    promptStyle: 'plain',
    mode: '3-vs-1',
    C: 1,
    intercept: -0.5,
    neurons: [...neurons.map(withWeight(1.5)), ...against.map(withWeight(-0.5))],
    calibration: { slope: 1, intercept: 0 },
    training: { samples: 8, rows: 16, folds: 2, grid: [] },
    test: null,
  };
}
