import { z } from 'zod';
import { UserError } from '../errors.js';
import { writeFileAtomic } from '../formats/atomic.js';
import { readTextFile } from '../formats/text-file.js';
import type { ControlKind, ControlRun } from './controls.js';
import { type Detector, DetectorModelSchema, LinearSchema } from './detector.js';

const ControlDetectorSchema = z.object({
  /** Drawn from all neurons, or with as many in each layer as the detector has. */
  kind: z.enum(['random', 'layer-matched']),
  seed: z.int(),
  /** Neurons that were drawn but got no weight are left out. */
  ...LinearSchema.shape,
});
export type ControlDetector = z.infer<typeof ControlDetectorSchema>;

/** The content of `controls.json`: the random controls that stand beside a detector, to be scored on other data too. */
export const ControlsSchema = z.object({
  schema: z.literal('hneurons/controls'),
  version: z.literal(1),
  /** Shape and hash of the model, as in the detector that they belong to. */
  model: DetectorModelSchema,
  controls: z.array(ControlDetectorSchema),
});
export type Controls = z.infer<typeof ControlsSchema>;

/** Writes the controls of an evaluation. */
export async function writeControls(
  path: string,
  model: Detector['model'],
  kinds: Record<ControlKind, ControlRun[]>,
): Promise<void> {
  const controls = Object.entries(kinds).flatMap(([kind, runs]) =>
    runs.map(({ seed, fit }): ControlDetector => {
      const neurons = Array.from(fit.indices, (flat, i) => ({
        layer: Math.floor(flat / model.ffn),
        index: flat % model.ffn,
        weight: fit.weights[i],
      }));
      return { kind: kind as ControlKind, seed, neurons, intercept: fit.intercept, calibration: fit.platt };
    }),
  );
  const file: Controls = { schema: 'hneurons/controls', version: 1, model, controls };
  await writeFileAtomic(path, `${JSON.stringify(file)}\n`);
}

/**
 * Reads and checks `controls.json`.
 * @throws UserError that names the file and what is wrong.
 */
export async function readControls(path: string): Promise<Controls> {
  const text = await readTextFile(path);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`${path} is not a file of controls: not valid JSON`, { cause });
  }
  const parsed = ControlsSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `${path} is not a file of controls of this version (${issue.path.join('.')}: ${issue.message}); run hneurons evaluate again`,
      { cause: parsed.error },
    );
  }
  return parsed.data;
}
