import { z } from 'zod';
import { TableSchema } from '../table/schema.js';

/** Version of the layout of `origin.json`. Raised when a reader of the old layout would misread the new one. */
export const ORIGIN_VERSION = 1;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const Interval = z.object({ estimate: z.number(), low: z.number(), high: z.number() });
const Range = z.object({ mean: share, low: share, high: share });
const Control = z.object({
  runs: z.array(z.object({ seed: z.int(), accuracy: share, auroc: share })).min(1),
  accuracy: Range,
  auroc: Range,
  difference: z.object({ accuracy: Interval, auroc: Interval }),
});

const TransferCellSchema = z.object({
  neurons: count,
  accuracy: Interval,
  auroc: Interval,
  random: Control.nullable(),
  layerMatched: Control.nullable(),
});

const DirectionSchema = z.object({
  answers: z.object({ faithful: count, hallucinated: count }),
  moved: TransferCellSchema.describe('the detector of the other model, unchanged'),
  native: TransferCellSchema.describe("the model's own detector: the ceiling"),
});

const TransferSchema = z.object({ toBase: DirectionSchema, toInstruct: DirectionSchema });

const InertiaSchema = z.object({
  marked: count,
  others: count,
  meanRank: Interval.describe('of the H-Neurons; 1 changed least, .5 like the others'),
  othersMeanRank: share,
  welch: z.object({ t: z.number(), degrees: z.number(), p: share }),
  mannWhitney: z.object({ u: z.number(), p: share }),
  layerMatched: z.object({ p: share, sets: count, mean: share, low: share, high: share }),
  effect: z.object({ d: z.number(), superiority: share }),
});

const DriftSchema = z.object({
  parts: z.array(
    z.object({
      part: z.enum(['up', 'gate', 'down']),
      median: z.number(),
      hNeurons: z.number(),
      noise: z.object({ base: z.number().nullable(), instruct: z.number().nullable() }),
      drowned: z
        .boolean()
        .nullable()
        .describe('in half of the layers half of the drift or more can be rounding; null where not known'),
    }),
  ),
  scored: z
    .array(z.enum(['up', 'gate', 'down']))
    .default(['up', 'down'])
    .describe('what the ranks are made of: kinds of matrices that did not move are left out'),
  inertia: InertiaSchema,
  withoutNorms: InertiaSchema.describe('for what the size of the weights leaves unexplained'),
  gate: InertiaSchema.nullable(),
  layers: z.array(z.object({ layer: count, all: z.number(), hNeurons: z.number().nullable(), count: count })),
  histogram: z.array(z.object({ low: share, high: share, hNeurons: share })),
  neurons: z.array(
    z.object({
      layer: count,
      index: count,
      up: z.number(),
      gate: z.number().nullable(),
      down: z.number(),
      rank: share,
    }),
  ),
});

const ModelSchema = z.object({
  name: z.string(),
  path: z.string(),
  format: z.enum(['gguf', 'safetensors']),
  architecture: z.string(),
  quantisation: z.string(),
});

/** Everything that `hneurons trace` finds out: the content of `origin.json`. */
export const OriginSchema = z.object({
  schema: z.literal('hneurons/origin'),
  version: z.literal(ORIGIN_VERSION),
  summary: z.string().describe('what the figures say, in words that follow from them'),
  base: ModelSchema,
  instruct: ModelSchema,
  differences: z.array(z.string()).describe('what else differs between the two'),
  detector: z.object({
    path: z.string(),
    identity: z.string().describe('hash of neurons, weights and calibration'),
    hNeurons: count,
    layers: count,
    ffn: count,
  }),
  drift: DriftSchema.nullable(),
  driftNote: z.string().nullable().describe('why there is no drift'),
  transfer: TransferSchema.nullable(),
  transferNote: z.string().nullable().describe('why there is no transfer, or what it lacks'),
  datasets: z
    .object({ moved: TableSchema, native: TableSchema })
    .nullable()
    .describe("the base model's answers to other data sets, by the moved and by its own detector"),
  emergence: z
    .array(
      z.object({
        checkpoint: z.string(),
        drift: DriftSchema.nullable(),
        driftNote: z.string().nullable().default(null),
        transfer: TransferSchema.nullable(),
        transferNote: z.string().nullable().default(null),
      }),
    )
    .nullable(),
  paper: z
    .object({ model: z.string(), meanRank: z.number(), auroc: z.record(z.string(), z.number()) })
    .nullable()
    .describe('the published values of this model'),
  run: z.object({ command: z.string(), version: z.string(), seed: z.int(), system: z.string() }),
});

export type Origin = z.infer<typeof OriginSchema>;
export type Transfer = z.infer<typeof TransferSchema>;
export type TransferCell = z.infer<typeof TransferCellSchema>;
export type OriginDrift = z.infer<typeof DriftSchema>;
