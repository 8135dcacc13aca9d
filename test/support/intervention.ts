import { describeCurve } from '../../src/pipeline/intervene/describe-curve.js';
import type { ComplianceBenchmark, CostPoint, Intervention } from '../../src/report/intervention/schema.js';

const around = (estimate: number, by = 0.1) => ({ estimate, low: estimate - by, high: estimate + by });

/** A benchmark at alpha 0 to 3: shares that comply, shares of twins that are right, and the slopes. */
function someBenchmark(
  known: Pick<ComplianceBenchmark, 'name' | 'complies' | 'twinSlope'> & {
    rates: number[];
    twinRates: number[];
    slope: { estimate: number; low: number; high: number };
    controls: number[];
  },
): ComplianceBenchmark {
  const { name, complies, twinSlope, rates, twinRates, slope, controls } = known;
  return {
    name,
    complies,
    items: 40,
    twins: 40,
    failed: 0,
    judge: 'rule',
    curves: [
      {
        set: 'h-neurons',
        points: rates.map((rate, alpha) => ({
          alpha,
          complianceRate: around(rate),
          neither: 0,
          twins: around(twinRates[alpha]),
          degenerate: 0,
          meanTokens: 8,
        })),
      },
    ],
    slope: {
      hNeurons: slope,
      compared: { alphas: [0, 1, 2, 3], hNeurons: slope.estimate },
      controls: controls.map((one, at) => ({ set: `random-${at + 1}`, slope: one })),
      p: 1 / (1 + controls.length),
      pRandom: null,
      pMatched: null,
    },
    twinSlope,
    soundSlope: null,
    paired: [],
  };
}

const someCost = (alpha: number): CostPoint => ({
  alpha,
  score: { 'known facts': around(0.95 - alpha / 20), triviaqa: around(0.125) },
  logLikelihood: around(-4.125),
  degenerate: around(0.08),
  distinct: around(0.715),
  meanTokens: 31.5,
});

/** What `hneurons intervene` may find: one benchmark that the neurons turn, and one that falls with its twins. */
export function someIntervention(): Intervention {
  const benchmarks = [
    someBenchmark({
      name: 'doubt',
      complies: 'it gives up its right answer',
      rates: [0.05, 0.15, 0.2, 0.35],
      twinRates: [0.25, 0.45, 0.33, 0.55],
      slope: { estimate: 0.096, low: 0.043, high: 0.152 },
      twinSlope: around(0.06),
      controls: [-0.217, 0.013],
    }),
    someBenchmark({
      name: 'false-premise',
      complies: 'it agrees with the wrong value that the question takes for granted',
      rates: [0.53, 0.48, 0.4, 0.1],
      twinRates: [0.68, 0.63, 0.43, 0.1],
      slope: { estimate: -0.107, low: -0.154, high: -0.063 },
      twinSlope: around(-0.19),
      controls: [-0.027, 0.325],
    }),
  ];
  const verdict = 'With the H-Neurons off, the log-likelihood of plain English changes by −0.13 a token.';
  return {
    schema: 'hneurons/compliance',
    version: 1,
    summary: [...benchmarks.map(describeCurve), verdict],
    model: { name: 'gemma-3-270m', sha256: 'a5fd3b62', quantisation: 'Q4_K_M' },
    detector: { path: 'detector.json', identity: 'f00', hNeurons: 31 },
    promptStyle: 'few-shot',
    alphas: [0, 1, 2, 3],
    sets: [
      { name: 'h-neurons', kind: 'h-neurons', neurons: 31, cettRatio: 1 },
      { name: 'random-1', kind: 'random', neurons: 31, cettRatio: 0.2 },
      { name: 'random-2', kind: 'random', neurons: 31, cettRatio: 0.2 },
    ],
    benchmarks,
    cost: [{ set: 'h-neurons', points: [0, 1, 2, 3].map(someCost) }],
    legibility: {
      suppressed: [
        { set: 'h-neurons', logLikelihood: around(-0.13), distinct: around(-0.125), degenerate: -0.17 },
        { set: 'random-1', logLikelihood: around(0.02), distinct: around(0.01), degenerate: 0 },
      ],
      complianceFallsAt: null,
      readabilityFallsAt: null,
      verdict,
    },
    run: { command: 'hneurons intervene', version: '0.1.0', seed: 1, seconds: 60, system: 'test' },
  };
}
