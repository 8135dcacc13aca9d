import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { riskDetector } from '../risk/support.js';
import { type TinyOptions, writeTinyModel } from '../support/tiny-models.js';

/** A tiny model in a folder, with a detector of its own. */
export async function tinyPair(folder: string, options: Partial<TinyOptions> = {}) {
  const { path, config } = await writeTinyModel(join(folder, 'tiny.gguf'), {
    architecture: 'llama',
    ...options,
  });
  const { architecture, layers, ffn } = config;
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  const detector = riskDetector({
    promptStyle: 'plain',
    model: { name: 'tiny', sha256, architecture, layers, ffn },
    neurons: [
      { layer: 0, index: 5, weight: 4 },
      { layer: 1, index: 60, weight: 2.5 },
      { layer: 2, index: 90, weight: -3 },
    ],
  });
  const detectorPath = join(folder, 'detector.json');
  writeFileSync(detectorPath, JSON.stringify(detector));
  return { model: path, detector: detectorPath };
}
