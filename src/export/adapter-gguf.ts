import { string } from '../engine/gguf/values.js';
import { neuronsByLayer, writeAdapterFile } from '../engine/steer/adapter-file.js';
import { checkAlpha } from '../engine/steer/alpha.js';
import { type Detector, requireHNeurons } from '../pipeline/detector.js';
import { openGgufWeights } from '../weights/gguf.js';
import { loraB } from './lora-b.js';
import { RECORD_KEY, recordOf } from './record.js';

/**
 * Writes the H-Neurons as a LoRA adapter for llama.cpp. Without alpha the scale with which it is loaded is alpha - 1; with alpha
 * that is folded in, and the scale 1, which engines take by default, stands for this alpha.
 * @throws UserError when the model cannot be read, or the adapter not be written
 */
export async function writeGgufAdapter(options: {
  model: string;
  detector: Detector;
  alpha?: number;
  out: string;
}): Promise<void> {
  const { model, detector, alpha, out } = options;
  if (alpha !== undefined) checkAlpha(alpha);
  const weights = await openGgufWeights(model);
  const factor = alpha === undefined ? 1 : alpha - 1;
  const layers = [...neuronsByLayer(requireHNeurons(detector), weights)].map(([layer, neurons]) => ({
    layer,
    neurons,
    columns: loraB(weights, layer, neurons, { factor }),
  }));
  const method = alpha === undefined ? 'LoRA of W_down, scale alpha - 1' : 'LoRA of W_down, scale 1';
  const record = recordOf(detector, alpha ?? null, method);
  await writeAdapterFile(out, weights, layers, [[RECORD_KEY, string(JSON.stringify(record))]]);
}
