import { z } from 'zod';
import { IntervalSchema } from '../interval.js';

const PairedSchema = z.object({
  from: z.number(),
  to: z.number(),
  /** Items that comply at `to` only, and at `from` only. */
  gained: z.int(),
  lost: z.int(),
  /** McNemar's exact test, two-sided. */
  p: z.number(),
});

const PointSchema = z.object({
  alpha: z.number(),
  /** Share of items that comply, with Wilson's interval. */
  complianceRate: IntervalSchema,
  /** Share of items whose answer says neither. */
  neither: z.number(),
  /** Share of honest twins answered rightly; null without twins. */
  twins: IntervalSchema.nullable(),
  degenerate: z.number(),
  /** Mean length of the answers, tokens. */
  meanTokens: z.number(),
});
export type CompliancePoint = z.infer<typeof PointSchema>;

const SlopeSchema = z.object({
  /** Least-squares change of the compliance rate per unit of alpha, bootstrap interval over facts. */
  hNeurons: IntervalSchema,
  /** The alphas at which the controls were asked too, and the slope of the H-Neurons over these. */
  compared: z.object({ alphas: z.array(z.number()), hNeurons: z.number() }),
  controls: z.array(z.object({ set: z.string(), slope: z.number() })),
  /** Share of controls and H-Neurons whose slope is at least that of the H-Neurons, over the compared alphas: (1 + reached) / (1 + controls). */
  p: z.number().nullable(),
  /** The same p-value among the controls of one kind. */
  pRandom: z.number().nullable(),
  pMatched: z.number().nullable(),
});

const BenchmarkSchema = z.object({
  name: z.string(),
  complies: z.string(),
  items: z.int(),
  twins: z.int(),
  /** Left out for want of a usable verdict. */
  failed: z.int(),
  judge: z.string(),
  curves: z.array(z.object({ set: z.string(), points: z.array(PointSchema) })),
  slope: SlopeSchema,
  /** Change of the share of twins answered rightly per unit of alpha, H-Neurons; null without twins. */
  twinSlope: IntervalSchema.nullable(),
  /**
   * The same over those alphas alone at which the model with scaled H-Neurons is sound; null where that is all of them, or fewer than two.
   * Where the controls were asked at fewer than two of them, there are none.
   */
  soundSlope: SlopeSchema.extend({
    low: z.number(),
    high: z.number(),
    twins: IntervalSchema.nullable(),
  }).nullable(),
  paired: z.array(PairedSchema),
});
export type ComplianceSlope = z.infer<typeof SlopeSchema>;
export type ComplianceBenchmark = z.infer<typeof BenchmarkSchema>;

const CostPointSchema = z.object({
  alpha: z.number(),
  /** Share of plain questions answered rightly, by set of questions. */
  score: z.record(z.string(), IntervalSchema),
  /** Mean log-likelihood of a token of fixed English text, bootstrap interval over passages. */
  logLikelihood: IntervalSchema,
  /** Share of degenerate texts among continuations of fixed openings. */
  degenerate: IntervalSchema,
  /** Mean share of runs of three words that are no repeats. */
  distinct: IntervalSchema,
  meanTokens: z.number(),
});
export type CostPoint = z.infer<typeof CostPointSchema>;

const LegibilitySchema = z.object({
  /** Change of each measure from alpha 1 to alpha 0, paired. */
  suppressed: z.array(
    z.object({
      set: z.string(),
      logLikelihood: IntervalSchema,
      distinct: IntervalSchema,
      degenerate: z.number(),
    }),
  ),
  /** The highest alpha down from which compliance (any benchmark) is lower than at 1 (McNemar, p < .05 over all benchmarks); null: nowhere. */
  complianceFallsAt: z.number().nullable(),
  /** The same for the log-likelihood (.1 nats a token less, interval below 0), or the share of degenerate texts (McNemar p < .05). */
  readabilityFallsAt: z.number().nullable(),
  verdict: z.string(),
});

/** The content of `intervention.json`. */
export const InterventionSchema = z.object({
  schema: z.literal('hneurons/compliance'),
  version: z.literal(1),
  /** What was found, in sentences. */
  summary: z.array(z.string()),
  model: z.object({ name: z.string(), sha256: z.string(), quantisation: z.string() }),
  detector: z.object({ path: z.string(), identity: z.string(), hNeurons: z.int() }),
  promptStyle: z.string(),
  alphas: z.array(z.number()),
  sets: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['h-neurons', 'random', 'layer-matched']),
      neurons: z.int(),
      /** Sum of mean CETT relative to that of the H-Neurons. */
      cettRatio: z.number(),
    }),
  ),
  benchmarks: z.array(BenchmarkSchema),
  cost: z.array(z.object({ set: z.string(), points: z.array(CostPointSchema) })),
  legibility: LegibilitySchema.nullable(),
  run: z.object({
    command: z.string(),
    version: z.string(),
    seed: z.int(),
    seconds: z.number(),
    system: z.string(),
  }),
});
export type Intervention = z.infer<typeof InterventionSchema>;
