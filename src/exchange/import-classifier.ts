import type { PromptKind } from '../engine/text/prompt.js';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { type Detector, DetectorSchema, detectorModel } from '../pipeline/detector.js';
import type { ModelIdentity } from '../pipeline/manifest.js';
import type { TrainSettings } from '../pipeline/settings.js';
import { readClassifier } from './classifier.js';

/**
 * Writes a detector file from a classifier of the published scripts. Its probability is what the classifier's own
 * `predict_proba` gives: the logistic function of the score, without further calibration.
 * @throws UserError when the classifier is for another number of neurons than the model has, has no weight, or cannot be used.
 */
export async function importClassifier(options: {
  path: string;
  out: string;
  model: ModelIdentity;
  promptStyle: PromptKind;
  /** The day in its prompts from now on, where they depend on it. */
  promptDate?: string;
  mode: TrainSettings['mode'];
}): Promise<Detector> {
  const { path, out, model, promptStyle, promptDate, mode } = options;
  const { coef, intercept, C } = await readClassifier(path);
  const neurons = model.layers * model.ffn;
  if (coef.length !== neurons) {
    throw new UserError(
      `${path} is for another model: it has ${coef.length} weights, but ${model.name} has ${neurons} neurons (${model.layers} layers of ${model.ffn})`,
    );
  }
  const used = Array.from(coef.keys()).filter((flat) => coef[flat] !== 0);
  if (used.length === 0) throw new UserError(`${path} has no weight other than 0; train it with a larger C`);
  const detector: Detector = {
    schema: 'hneurons/detector',
    version: 1,
    model: detectorModel(model),
    promptStyle,
    ...(promptDate !== undefined && { promptDate }),
    mode,
    C: C ?? 1,
    intercept,
    neurons: used.map((flat) => ({
      layer: Math.floor(flat / model.ffn),
      index: flat % model.ffn,
      weight: coef[flat],
    })),
    calibration: { slope: 1, intercept: 0 },
    training: { samples: 0, rows: 0, folds: 0, grid: [] },
    test: null,
  };
  const checked = DetectorSchema.safeParse(detector);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UserError(`${path} makes no usable detector: ${issue.path.join('.')}: ${issue.message}`);
  }
  await writeFileAtomic(out, `${JSON.stringify(detector, null, 2)}\n`);
  return detector;
}
