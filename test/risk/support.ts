import type { Detector } from '../../src/pipeline/detector.js';
import { fakeModel } from '../support/fake-engine.js';

/** A detector of the fake model, or of another one with these neurons. */
export function riskDetector(over: Partial<Detector> = {}): Detector {
  const { name, architecture, layers, ffn } = fakeModel;
  return {
    schema: 'hneurons/detector',
    version: 1,
    model: { name, sha256: 'fa4e', architecture, layers, ffn },
    promptStyle: 'few-shot',
    mode: '3-vs-1',
    C: 1,
    intercept: -0.25,
    neurons: [
      { layer: 0, index: 21, weight: 1.5 },
      { layer: 1, index: 3, weight: -0.75 },
    ],
    calibration: { slope: 2, intercept: -0.5 },
    training: { samples: 400, rows: 800, folds: 5, grid: [] },
    test: null,
    ...over,
  };
}
