import { z } from 'zod';

/** Version of the layout of `explain.json`. Raised when a reader of the old layout would misread the new one. */
export const EXPLAIN_VERSION = 1;

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const Interval = z.object({ estimate: z.number(), low: z.number(), high: z.number() });

const TokenSchema = z.object({
  id: count,
  text: z.string().describe('readable: spaces as ␣, bytes that are no text as <0xE2>'),
  logit: z
    .number()
    .describe(
      'added to the logit by one unit of activation, before the final norm divides by the size of the stream',
    ),
  deviations: z.number().describe('the same in standard deviations over the vocabulary, from its mean'),
});

const ContextSchema = z.object({
  id: z.string().describe('of the case, as in cases.jsonl'),
  question: z.string(),
  answer: z.string(),
  label: z.enum(['faithful', 'hallucinated']),
  split: z.enum(['train', 'test']),
  before: z.string(),
  marked: z.string().describe('the token of question or response at which the CETT is highest'),
  after: z.string(),
  where: z.enum(['question', 'response']),
  cett: z.number().nonnegative().describe('at the marked token'),
  positive: z.boolean().describe('whether the activation is above 0 there'),
});

const AloneSchema = z
  .object({
    items: count,
    complies: Interval.describe('share of items on which the model complies with this neuron off'),
    gained: count.describe('items on which it complies with the neuron off only'),
    lost: count.describe('items on which it complies with the neuron on only'),
    change: Interval.describe('off minus on, paired'),
    p: share.describe('McNemar, exact, two-sided'),
  })
  .describe(
    'the neuron alone at alpha 0; with every neuron on the model complies on items * complies - gained + lost of the same items',
  );

export const CardSchema = z.object({
  layer: count,
  index: count,
  weight: z.number().describe('in the detector; 0: not in it'),
  direction: z
    .union([z.literal(1), z.literal(-1)])
    .describe(
      'sign of the activation that the lists of tokens are for: the one that it mostly has on answer tokens',
    ),
  agreement: share.describe('share of its CETT on answer tokens that has this sign'),
  promotes: z.array(TokenSchema),
  suppresses: z.array(TokenSchema),
  most: z.array(ContextSchema).describe('contexts that drive it most'),
  least: z.array(ContextSchema).describe('contexts that drive it least'),
  cett: z
    .object({ faithful: Interval.nullable(), hallucinated: Interval.nullable(), other: Interval.nullable() })
    .describe('mean CETT on answer tokens of both classes and on all other tokens, test half'),
  selected: z
    .object({ positive: share, negative: share })
    .nullable()
    .describe('share of resamples in which it was chosen, by the sign of its weight'),
  alone: AloneSchema.nullable(),
});

/** Everything that `hneurons explain` finds out: the content of `explain.json`. */
export const ExplainSchema = z.object({
  schema: z.literal('hneurons/explain'),
  version: z.literal(EXPLAIN_VERSION),
  summary: z.string().describe('what the cards say taken together, in words that follow from them'),
  detector: z.object({
    identity: z.string().describe('hash of neurons, weights and calibration'),
    hNeurons: count,
  }),
  model: z.object({ name: z.string(), layers: count, ffn: count }),
  lens: z.object({
    output: z.string().describe('the output matrix'),
    tied: z.boolean().describe('it is that of the embedding'),
    norm: z.enum(['rms', 'layer']),
    vocabulary: count,
    chance: z
      .number()
      .describe('deviations that the largest of so many normal numbers stays below in 99 of 100 cases'),
  }),
  answers: z
    .object({ read: count, faithful: count, hallucinated: count })
    .describe('read; and in the test half'),
  resamples: count.nullable(),
  benchmark: z
    .object({ name: z.string(), items: count, complies: Interval.describe('share, with every neuron on') })
    .nullable()
    .describe('of the latest measurement; cards kept from earlier ones may be of other items'),
  cards: z.array(CardSchema).describe('strongest first'),
  run: z.object({ command: z.string(), version: z.string(), seed: z.int(), system: z.string() }),
});

export type Explain = z.infer<typeof ExplainSchema>;
export type Card = z.infer<typeof CardSchema>;
export type Context = z.infer<typeof ContextSchema>;
export type TokenEffectText = z.infer<typeof TokenSchema>;
