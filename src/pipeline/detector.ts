import { z } from 'zod';
import type { ModelInfo } from '../engine/types.js';
import { UserError } from '../errors.js';
import { duplicateKey } from '../formats/json-keys.js';
import { readTextFile } from '../formats/text-file.js';
import { IntervalSchema } from '../report/interval.js';
import { plattProbability } from '../stats/calibration.js';
import { hashText, stableJson } from './fingerprint.js';
import type { ModelIdentity } from './manifest.js';

const FiguresSchema = z.object({ accuracy: IntervalSchema, auroc: IntervalSchema });

/** What scores an answer: intercept + sum of weight * CETT, and the probability that a score stands for. */
export const LinearSchema = z.object({
  intercept: z.number(),
  neurons: z.array(z.object({ layer: z.int().min(0), index: z.int().min(0), weight: z.number() })),
  /** Platt: probability = 1 / (1 + exp(-(slope * score + intercept))). */
  calibration: z.object({ slope: z.number(), intercept: z.number() }),
});

/** The model that a detector belongs to. */
export const DetectorModelSchema = z.object({
  name: z.string(),
  sha256: z.string(),
  architecture: z.string(),
  layers: z.int().positive(),
  ffn: z.int().positive(),
});

/** The content of `detector.json`: all that is needed to score answers of the same model, and how well that works. */
export const DetectorSchema = z.object({
  schema: z.literal('hneurons/detector'),
  version: z.literal(1),
  model: DetectorModelSchema,
  promptStyle: z.enum(['chat', 'few-shot', 'plain']),
  /** The day in the prompts that it was trained on, YYYY-MM-DD, where the chat template asks for it. */
  promptDate: z.iso.date().optional(),
  mode: z.enum(['3-vs-1', '1-vs-1']),
  C: z.number().positive(),
  /** Weight > 0: H-Neuron; weight < 0: anti-associated. */
  ...LinearSchema.shape,
  training: z.object({
    samples: z.int(),
    rows: z.int(),
    folds: z.int(),
    grid: z.array(
      z.object({
        C: z.number(),
        accuracy: z.number(),
        neurons: z.int(),
        hNeurons: z.int(),
        /** Share of the score questions answered rightly with these H-Neurons at alpha 0. */
        suppressed: z.number().optional(),
      }),
    ),
    /** What the chosen C is best in; absent in older files, which went by accuracy. */
    select: z.enum(['accuracy', 'accuracy+score']).optional(),
    /** Behind `suppressed`: how many known questions were asked, and the share right with all neurons on. */
    score: z.object({ questions: z.int(), unsuppressed: z.number() }).optional(),
  }),
  /** Figures on questions that the detector was not trained on; null until `evaluate` has run. */
  test: z
    .object({
      faithful: z.int(),
      hallucinated: z.int(),
      ...FiguresSchema.shape,
      relations: z.array(
        z.object({
          relation: z.string(),
          faithful: z.int(),
          hallucinated: z.int(),
          accuracy: IntervalSchema,
          auroc: IntervalSchema.nullable(),
        }),
      ),
      control: z.object({
        sets: z.int(),
        accuracy: z.number(),
        auroc: z.number(),
        difference: FiguresSchema,
      }),
      baselines: z.array(
        z.object({
          name: z.string(),
          auroc: IntervalSchema,
          accuracy: IntervalSchema.optional(),
          /** Detector minus baseline. */
          difference: FiguresSchema.optional(),
        }),
      ),
      permutation: z.object({ p: z.number(), permutations: z.int() }),
    })
    .nullable(),
});
export type Detector = z.infer<typeof DetectorSchema>;

/**
 * Reads and checks a detector file.
 * @throws UserError that names the file and what is wrong.
 */
export async function readDetector(path: string): Promise<Detector> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${path} is not a detector file: not valid JSON`, { cause });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) {
    throw new UserError(`${path} is damaged: an object in it has ${JSON.stringify(twice)} twice`);
  }
  const head = z.object({ schema: z.literal('hneurons/detector'), version: z.number() }).safeParse(value);
  if (!head.success) {
    throw new UserError(`${path} is not a detector file; give the detector.json of a run`, {
      cause: head.error,
    });
  }
  if (head.data.version !== 1) {
    throw new UserError(
      `${path} has detector version ${head.data.version}, this program reads 1; train it again`,
    );
  }
  const parsed = DetectorSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(`${path} is damaged at ${issue.path.join('.')}: ${issue.message}`, {
      cause: parsed.error,
    });
  }
  const { model, neurons } = parsed.data;
  if (neurons.some(({ layer, index }) => layer >= model.layers || index >= model.ffn)) {
    throw new UserError(
      `${path} is damaged: a neuron lies outside of ${model.layers} layers of ${model.ffn} neurons`,
    );
  }
  return parsed.data;
}

/**
 * Checks that a detector belongs to a model. `force` lets another file of the same shape pass (another quantisation,
 * a fine-tuned version); `remedy` says how to ask for that, where a command has no option of this name.
 * @throws UserError when it does not.
 */
export function checkDetectorModel(
  detector: Detector,
  model: Pick<ModelInfo, 'architecture' | 'layers' | 'ffn'> & { name: string; sha256: string },
  force: boolean,
  remedy = 'use it all the same with --force',
): void {
  const made = detector.model;
  if (made.architecture !== model.architecture || made.layers !== model.layers || made.ffn !== model.ffn) {
    throw new UserError(
      `the detector is for ${made.name} (${made.architecture}, ${made.layers} layers of ${made.ffn} neurons), ` +
        `not for ${model.name} (${model.architecture}, ${model.layers} x ${model.ffn}); train one for this model`,
    );
  }
  if (made.sha256 !== model.sha256 && !force) {
    throw new UserError(
      `the detector was trained on another file of this shape (${made.name}, SHA-256 ${made.sha256.slice(0, 12)}…); ` +
        `its figures do not hold for this one; ${remedy}`,
    );
  }
}

/** A model as a detector asks it: on the day of its training prompts. */
export function askedModel<M extends Pick<ModelInfo, 'promptDate'>>(
  model: M,
  { promptDate }: Pick<Detector, 'promptDate'>,
): M {
  return promptDate === undefined ? model : { ...model, promptDate };
}

/** Flat indices (`layer * ffn + index`) and weights of a detector's neurons. */
export function detectorNeurons(detector: Detector): { neurons: number[]; weights: number[] } {
  return {
    neurons: detector.neurons.map(({ layer, index }) => layer * detector.model.ffn + index),
    weights: detector.neurons.map(({ weight }) => weight),
  };
}

/** Flat indices of the H-Neurons, the neurons of positive weight: those that an intervention scales. Ascending. */
export function hNeuronsOf(detector: Detector): number[] {
  const { neurons, weights } = detectorNeurons(detector);
  return neurons.filter((_, i) => weights[i] > 0).sort((a, b) => a - b);
}

/**
 * The same, where there must be some.
 * @throws UserError when it has none
 */
export function requireHNeurons(detector: Detector): number[] {
  const flat = hNeuronsOf(detector);
  if (flat.length > 0) return flat;
  throw new UserError(
    'the detector has no H-Neurons (no weight above zero), so there is nothing to scale; train one with a larger C',
  );
}

/**
 * Probability that an answer is hallucinated, from its score.
 * @throws UserError for a score or a probability that is no number: weights of a size that overflows
 */
export function detectorProbability(detector: Detector, score: number): number {
  const probability = plattProbability(detector.calibration, score);
  if (Number.isFinite(score) && Number.isFinite(probability)) return probability;
  throw new UserError(
    `the detector gives the score ${score}, which is not finite: its weights or its calibration are damaged; train it again`,
  );
}

/** The part of a model's identity that a detector carries. */
export function detectorModel(model: ModelIdentity): Detector['model'] {
  const { name, sha256, architecture, layers, ffn } = model;
  return { name, sha256, architecture, layers, ffn };
}

/** Hash of what a detector computes, whatever was added to its file since. */
export function detectorIdentity({ model, neurons, intercept, calibration }: Detector): string {
  return hashText(stableJson({ model: model.sha256, neurons, intercept, calibration }));
}
