import { z } from 'zod';

/** Version of the layout of `table.json`. Raised when a reader of the old layout would misread the new one. */
export const TABLE_VERSION = 1;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const Interval = z.object({ estimate: z.number(), low: z.number(), high: z.number() });
const Range = z.object({ mean: share, low: share, high: share });

const ControlSchema = z.object({
  runs: z.array(z.object({ seed: z.int(), accuracy: share, auroc: share })).min(1),
  accuracy: Range,
  auroc: Range,
  difference: z
    .object({ accuracy: Interval, auroc: Interval })
    .describe('detector minus mean of the controls, 95 % interval'),
});

const FiguresSchema = z.object({
  accuracy: Interval.describe('at a calibrated probability of one half'),
  auroc: Interval,
  auprc: Interval,
  calibration: z.object({
    brier: share,
    ece: share,
    bins: z.array(z.object({ low: share, high: share, samples: count, stated: share, observed: share })),
  }),
  random: ControlSchema.nullable().describe('as many random neurons; null without controls'),
  layerMatched: ControlSchema.nullable().describe(
    'random neurons, as many in each layer as the detector has',
  ),
  logProbability: z
    .object({
      auroc: Interval,
      auprc: Interval,
      difference: Interval.describe('AUROC of the detector minus that of the log-probability'),
    })
    .describe("mean log-probability of the response's tokens, the lower the sooner made up"),
});

/** What became of the questions of one data set. */
const CountsSchema = z.object({
  total: count.describe('questions in its test split'),
  trained: count.describe('left out: the detector was trained on them, or on a twin of them'),
  asked: count,
  correct: count.describe('right answers to real questions'),
  wrong: count.describe('wrong answers to real questions'),
  invented: count.describe('specific answers about what does not exist'),
  refused: count.describe('refusals to answer about what does not exist'),
  uncertain: count.describe('the response gives no answer'),
  failed: count.describe('the judge gave no usable verdict'),
  unreadable: count.describe('no answer token to read, or a prompt that is too long'),
});

const RowSchema = z.object({
  name: z.string().describe('data set, and what is compared where that is not right with wrong answers'),
  dataset: z.string(),
  source: z.string(),
  counts: CountsSchema,
  faithful: count.describe('matched samples'),
  hallucinated: count,
  relations: count.describe('kinds of question with matched samples'),
  figures: FiguresSchema.nullable().describe('null with too few samples'),
  note: z.string().nullable().describe('why there are no figures'),
  paper: z.object({ accuracy: z.number(), random: z.number() }).nullable().describe('published, in per cent'),
});

/** Everything that `hneurons evaluate --datasets` finds out: the content of `table.json`. */
export const TableSchema = z.object({
  schema: z.literal('hneurons/table'),
  version: z.literal(TABLE_VERSION),
  summary: z.string().describe('what the rows say, in words that follow from the figures'),
  model: z.object({
    name: z.string(),
    source: z.string(),
    sha256: z.string(),
    architecture: z.string(),
    quantisation: z.string(),
    layers: z.int().positive(),
    ffn: z.int().positive(),
  }),
  detector: z.object({
    identity: z.string().describe('hash of neurons, weights and calibration'),
    neurons: count,
    hNeurons: count,
    mode: z.string(),
    C: z.number(),
    promptStyle: z.string(),
  }),
  controls: z.object({ random: count, layerMatched: count }).nullable(),
  settings: z.object({
    temperature: z.number(),
    topK: z.number(),
    topP: z.number(),
    minP: z.number(),
    maxTokens: z.int(),
    seed: z.int(),
    quota: z.int().describe('matched samples of each class after which asking stops'),
    limit: z.int().describe('most questions asked of a data set'),
    judge: z.string(),
    spans: z.string().describe('what finds the answer within a response'),
  }),
  run: z.object({
    command: z.string(),
    version: z.string(),
    library: z.string(),
    device: z.string(),
    system: z.string(),
  }),
  notes: z.array(z.string()),
  paper: z.object({ model: z.string(), permille: z.number() }).nullable(),
  rows: z.array(RowSchema),
});

export type Table = z.infer<typeof TableSchema>;
export type TableRow = z.infer<typeof RowSchema>;
export type TableCounts = z.infer<typeof CountsSchema>;
export type TableControl = z.infer<typeof ControlSchema>;
export const TableRowSchema = RowSchema;
