import type { Origin, OriginDrift, Transfer } from '../../src/report/origin/schema.js';

/** What a test says about a comparison; the rest is filled in. */
interface Known {
  /** Mean rank of the H-Neurons, and p of the layer-matched test. */
  rank?: number;
  p?: number;
  /** The same test after the weight norms are partialled out; default as before. */
  withoutNorms?: number;
  welch?: number;
}

const around = (estimate: number) => ({ estimate, low: estimate - 0.1, high: estimate + 0.1 });

/** Drift between two models. */
export function someDrift({ rank = 0.7, p = 0.01, withoutNorms = p, welch = p }: Known = {}): OriginDrift {
  const inertia = (matched: number) => ({
    marked: 4,
    others: 60,
    meanRank: around(rank),
    othersMeanRank: 0.5,
    welch: { t: 1, degrees: 5, p: welch },
    mannWhitney: { u: 1, p },
    layerMatched: { p: matched, sets: 100, mean: 0.5, low: 0.4, high: 0.6 },
    effect: { d: 0.3, superiority: 0.6 },
  });
  return {
    parts: [
      { part: 'up', median: 0.1, hNeurons: 0.1, noise: { base: 0, instruct: 0 }, drowned: false },
      { part: 'down', median: 0.1, hNeurons: 0.1, noise: { base: 0, instruct: 0 }, drowned: false },
    ],
    scored: ['up', 'down'],
    inertia: inertia(p),
    withoutNorms: inertia(withoutNorms),
    gate: null,
    layers: [
      { layer: 0, all: 0.1, hNeurons: 0.2, count: 2 },
      { layer: 1, all: -0.1, hNeurons: -0.2, count: 2 },
    ],
    histogram: [
      { low: 0, high: 0.5, hNeurons: 0.25 },
      { low: 0.5, high: 1, hNeurons: 0.75 },
    ],
    neurons: [{ layer: 0, index: 1, up: 0.1, gate: null, down: 0.1, rank: 0.7 }],
  };
}

/** Transfer with an AUROC and its interval; `beats` by how much random neurons are beaten, from and to. */
export function someTransfer(
  low: number,
  high: number,
  { kind, beats = [0.05, 0.2] }: { kind?: 'random' | 'layerMatched'; beats?: [number, number] } = {},
): Transfer {
  const estimate = (low + high) / 2;
  const figures = { estimate, low, high };
  const range = { mean: 0.52, low: 0.4, high: 0.6 };
  const difference = { estimate: (beats[0] + beats[1]) / 2, low: beats[0], high: beats[1] };
  const control = {
    runs: [{ seed: 0, accuracy: 0.5, auroc: 0.52 }],
    accuracy: range,
    auroc: range,
    difference: { accuracy: difference, auroc: difference },
  };
  const cell = { neurons: 3, accuracy: figures, auroc: figures, random: null, layerMatched: null };
  const direction = {
    answers: { faithful: 20, hallucinated: 20 },
    moved: { ...cell, ...(kind && { [kind]: control }) },
    native: cell,
  };
  return { toBase: direction, toInstruct: direction };
}

/** A whole trace. */
export function someOrigin(known: Partial<Origin> = {}): Origin {
  const model = (name: string) => ({
    name,
    path: `/models/${name}`,
    format: 'gguf' as const,
    architecture: 'llama',
    quantisation: 'F32',
  });
  return {
    schema: 'hneurons/origin',
    version: 1,
    summary: 'A summary.',
    base: model('base'),
    instruct: model('instruct'),
    differences: [],
    detector: { path: 'detector.json', identity: 'x', hNeurons: 4, layers: 2, ffn: 32 },
    drift: null,
    driftNote: null,
    transfer: null,
    transferNote: null,
    datasets: null,
    emergence: null,
    paper: null,
    run: { command: 'hneurons trace', version: '0', seed: 1, system: 'test' },
    ...known,
  };
}
