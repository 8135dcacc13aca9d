import { UserError } from '../errors.js';
import type { Detector } from '../pipeline/detector.js';
import { ggufArchitecture } from '../weights/pair.js';
import { openSafetensorsWeights } from '../weights/safetensors.js';

/**
 * Checks that a checkpoint can be the one that the detector's GGUF was made from. Only shape and architecture tell: the detector knows
 * the hash of the GGUF, not of the checkpoint.
 * @throws UserError when the shape differs, or (without `force`) the architecture
 */
export async function checkCheckpoint(path: string, detector: Detector, force: boolean): Promise<void> {
  const weights = await openSafetensorsWeights(path);
  const { name, layers, ffn, architecture } = detector.model;
  if (weights.layers !== layers || weights.ffn !== ffn) {
    throw new UserError(
      `the detector is for ${name} (${layers} layers of ${ffn} neurons), not for ${path} (${weights.layers} x ${weights.ffn}); ` +
        'name the checkpoint that its GGUF was made from',
    );
  }
  const found = ggufArchitecture(weights);
  if (found === architecture || found === 'unknown' || force) return;
  throw new UserError(
    `the detector is for ${name}, a ${architecture} model, and ${path} is of the architecture ${found}; ` +
      'name the checkpoint that its GGUF was made from, or use it all the same with --force',
  );
}
