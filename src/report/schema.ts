import { z } from 'zod';
import { UserError } from '../errors.js';
import { ExplainSchema } from './explain/schema.js';
import { IntervalSchema } from './interval.js';
import { InterventionSchema } from './intervention/schema.js';
import { OriginSchema } from './origin/schema.js';
import { TableSchema } from './table/schema.js';

/** Version of the layout of `report.json`. Raised when a reader of the old layout would misread the new one. */
export const REPORT_VERSION = 1;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);

/** A figure with its 95 % interval. */

const FiguresSchema = z.object({ accuracy: IntervalSchema, auroc: IntervalSchema });

const ControlRangeSchema = z.object({ mean: share, low: share, high: share });

const SpreadSchema = z.object({
  mean: z.number(),
  quantiles: z
    .tuple([z.number(), z.number(), z.number(), z.number(), z.number()])
    .describe('at .05, .25, .5, .75, .95'),
  shares: z.array(share).describe('share of the class in each common bin'),
});

const RunSchema = z.object({
  command: z.string().describe('the command line that was typed'),
  created: z.iso.datetime(),
  version: z.string().describe('version of hneurons'),
  library: z.string().describe('version of llama.cpp'),
  device: z.string(),
  system: z.string().describe('operating system, processor, Node version'),
  seed: z.int(),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  stages: z.array(z.object({ name: z.string(), seconds: z.number().nonnegative() })),
});

const ModelSchema = z.object({
  name: z.string(),
  source: z.string().describe('where the file came from, as given by the user or resolved from an alias'),
  sha256: z.string(),
  architecture: z.string(),
  quantisation: z.string(),
  layers: z.int().positive(),
  ffn: z.int().positive().describe('neurons of a layer'),
  promptStyle: z.string(),
});

const QuestionsSchema = z.object({
  source: z.string(),
  sha256: z.string(),
  total: count.describe('questions in the set'),
  counts: z
    .array(
      z.object({
        split: z.enum(['train', 'test']),
        relation: z.string(),
        faithful: count,
        hallucinated: count,
        mixed: count.describe('some samples right, some wrong'),
        uncertain: count.describe('a sample said that it did not know'),
        stopped: count.describe('ended early: could no longer count, or its class was full'),
        kept: count.describe('samples of each class that were kept after matching within the relation'),
      }),
    )
    .describe('what became of the questions that were asked'),
});

const TrainingSchema = z.object({
  mode: z.enum(['3-vs-1', '1-vs-1']),
  rows: count.describe('rows of the training matrix'),
  folds: count,
  grid: z.array(
    z.object({
      C: z.number().positive(),
      accuracy: share.describe('cross-validated on the training half'),
      neurons: count.describe('neurons with a weight that is not 0'),
      hNeurons: count.describe('of those, with a positive weight'),
      suppressed: share
        .optional()
        .describe('share of known questions still answered rightly with these H-Neurons switched off'),
    }),
  ),
  score: z
    .object({ questions: count, unsuppressed: share })
    .optional()
    .describe('known questions behind `suppressed`, and the share right with all neurons on'),
  chosen: z.number().positive().describe('C'),
  rule: z.string().describe('how C was chosen, in words'),
});

const DetectorSchema = z.object({
  intercept: z.number(),
  neurons: z
    .array(z.object({ layer: count, index: count, weight: z.number() }))
    .describe('weight > 0: H-Neuron; weight < 0: anti-associated'),
});

const ControlSchema = z.object({
  runs: z.array(z.object({ seed: z.int(), accuracy: share, auroc: share })).min(1),
  accuracy: ControlRangeSchema,
  auroc: ControlRangeSchema,
  difference: FiguresSchema.describe('detector minus mean of the controls'),
});

const TestSchema = z.object({
  faithful: count,
  hallucinated: count,
  accuracy: IntervalSchema,
  auroc: IntervalSchema,
  auprc: IntervalSchema.optional(),
  relations: z.array(
    z.object({
      relation: z.string(),
      faithful: count,
      hallucinated: count,
      accuracy: IntervalSchema,
      auroc: IntervalSchema.nullable(),
      small: z.boolean().describe('too few samples to read anything into'),
    }),
  ),
  control: ControlSchema.extend({
    rocBand: z.array(z.object({ falsePositive: share, low: share, mean: share, high: share })),
  }),
  layerMatched: ControlSchema.optional().describe('controls with as many neurons in each layer'),
  baselines: z.array(
    z.object({
      name: z.string(),
      description: z.string(),
      kind: z
        .enum(['output', 'neurons', 'residual', 'combined'])
        .optional()
        .describe('what it looks at; combined: the detector together with something else'),
      accuracy: IntervalSchema.optional(),
      auroc: IntervalSchema,
      difference: FiguresSchema.optional().describe('detector minus baseline, on the same resamples'),
    }),
  ),
  permutation: z.object({ p: share, permutations: count }),
  roc: z.array(z.object({ falsePositive: share, truePositive: share })),
  calibration: z.object({
    slope: z.number(),
    intercept: z.number(),
    brier: share,
    ece: share,
    bins: z.array(z.object({ low: share, high: share, samples: count, stated: share, observed: share })),
  }),
});

const MissingSchema = z.object({ missing: z.string().describe('why there is none') });

const BeyondSchema = z
  .object({
    combined: FiguresSchema.describe(
      'logistic regression on detector score and log-probability of the answer',
    ),
    difference: FiguresSchema.describe('combined minus log-probability alone'),
  })
  .describe('what the neurons add to the log-probability of the answer');

const QuestionProbeSchema = z
  .object({
    samples: count,
    neurons: count,
    question: FiguresSchema,
    answer: FiguresSchema.describe('the same probe on the answers of the same samples'),
    difference: FiguresSchema.describe('answer minus question'),
  })
  .describe('the same probe on the tokens of the question alone');

const PairsSchema = z
  .object({
    pairs: count,
    detector: IntervalSchema,
    answersOnly: IntervalSchema.describe('by the probe trained on answer tokens alone (1-vs-1)'),
    logProbability: IntervalSchema,
  })
  .describe('how often a wrong answer scores higher than a right one to the same question, ties half');

const NeuronPlaceSchema = z.object({ layer: count, index: count });

const OverlapSchema = z.object({
  resamples: IntervalSchema.describe('Jaccard index of two resamples'),
  detector: IntervalSchema.describe('of a resample and the detector'),
  splits: IntervalSchema.describe('of two other divisions of the questions into halves'),
  chance: share,
});

const StabilitySchema = z
  .object({
    C: z.number(),
    resamples: count,
    splits: count,
    size: IntervalSchema.describe('H-Neurons of a resample'),
    hNeurons: OverlapSchema,
    all: OverlapSchema,
    neurons: z.array(
      NeuronPlaceSchema.extend({
        weight: z.number().describe('in the detector; 0: not in it'),
        positive: share.describe('share of resamples in which the weight was above 0'),
        negative: share,
      }),
    ),
    clusters: z.array(z.array(NeuronPlaceSchema)),
    substitutes: z.array(
      NeuronPlaceSchema.extend({ substitutes: z.array(NeuronPlaceSchema.extend({ r: z.number() })) }),
    ),
  })
  .describe('how often the same neurons are found again, as mean and middle 95 % of the pairs');

const CettSchema = z.array(
  z.object({
    layer: count,
    index: count,
    weight: z.number(),
    low: z.number(),
    high: z.number(),
    faithful: SpreadSchema,
    hallucinated: SpreadSchema,
  }),
);

const ExampleSchema = z.object({
  question: z.string(),
  relation: z.string(),
  accepted: z.array(z.string()).describe('accepted answers'),
  label: z.enum(['faithful', 'hallucinated']),
  probability: share.describe('of being hallucinated, by the detector, for the answer as a whole'),
  tokens: z
    .array(z.object({ text: z.string(), risk: share, answer: z.boolean().describe('in the answer span') }))
    .describe('tokens of the response'),
});

const VerdictSchema = z.object({
  beatsControl: z.boolean(),
  outcome: z.enum(['beats', 'does-not-beat', 'too-few']),
  headline: z.string(),
  details: z.string(),
  text: z.string().describe('headline and details in one sentence'),
  beyond: z.string().optional().describe('whether the neurons add anything to the log-probability, in words'),
});

/** Everything that a reader of a run needs: the content of `report.json`. */
export const ReportSchema = z.object({
  schema: z.literal('hneurons/report'),
  version: z.literal(REPORT_VERSION),
  verdict: VerdictSchema,
  run: RunSchema,
  model: ModelSchema,
  questions: QuestionsSchema,
  training: TrainingSchema,
  detector: DetectorSchema,
  test: TestSchema,
  beyond: BeyondSchema.optional(),
  question: z.union([QuestionProbeSchema, MissingSchema]).optional(),
  pairs: z.union([PairsSchema, MissingSchema]).optional(),
  stability: StabilitySchema.optional(),
  cett: CettSchema.describe('CETT of the strongest neurons over the answer tokens, by class'),
  examples: z.array(ExampleSchema),
  explain: ExplainSchema.optional().describe(
    'cards of the strongest H-Neurons, when they were made: hneurons explain',
  ),
  intervention: InterventionSchema.optional().describe(
    'what `hneurons intervene` found out, where it was run',
  ),
  origin: OriginSchema.optional().describe('what `hneurons trace` found out, where it was run'),
  table: TableSchema.optional().describe(
    'other data sets, when they were asked: hneurons evaluate --datasets',
  ),
  warnings: z.array(z.string()),
  files: z.record(z.string(), z.string()).describe('what -> path, relative to the report'),
});

export type Report = z.infer<typeof ReportSchema>;
export type Verdict = z.infer<typeof VerdictSchema>;

/** A report before the program has added what follows from the rest. */
export type ReportContent = Omit<Report, 'schema' | 'version' | 'verdict'>;

/**
 * Checks the content of a `report.json`. Throws a UserError that names the file, and the first field that is wrong, or
 * the version when it is not ours.
 */
export function parseReport(value: unknown, path: string): Report {
  const head = z.object({ schema: z.literal('hneurons/report'), version: z.number() }).safeParse(value);
  if (!head.success)
    throw new UserError(`${path} is not a report of hneurons; give the report.json of a run`);
  if (head.data.version !== REPORT_VERSION) {
    throw new UserError(
      `${path} has report version ${head.data.version}, this program reads ${REPORT_VERSION}; ` +
        'run `hneurons report` on the run folder again',
    );
  }
  const parsed = ReportSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    `${path} is damaged at ${issue.path.join('.')}: ${issue.message}; ` +
      'run `hneurons report` on the run folder again',
  );
}
