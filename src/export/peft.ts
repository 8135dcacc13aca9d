import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { neuronsByLayer, selection } from '../engine/steer/adapter-file.js';
import { checkAlpha } from '../engine/steer/alpha.js';
import { writeFileAtomic, writeFolderAtomic } from '../formats/atomic.js';
import { layOutSafetensors, type TensorShape } from '../formats/safetensors.js';
import { type Detector, requireHNeurons } from '../pipeline/detector.js';
import { openWeights } from '../weights/open.js';
import { loraB } from './lora-b.js';
import { moduleNames } from './module-names.js';
import { RECORD_KEY, recordOf, writeRecord } from './record.js';

/** vLLM reserves room for adapters of one of a few ranks; the powers of two from here on are among them. */
const SMALLEST_RANK = 8;

/**
 * Writes the H-Neurons at one alpha as a PEFT adapter folder (adapter_config.json, adapter_model.safetensors), for transformers
 * and vLLM: lora_A selects the neurons, lora_B holds (alpha - 1) times their columns of W_down, the adapter's own scale is 1. All layers
 * have one rank, the next power of two of the most neurons in a layer; what is beyond a layer's neurons is zero, and a layer without any
 * is not adapted.
 * @param options.weights checkpoint or GGUF from which the columns are taken
 * @returns the rank
 * @throws UserError when the model cannot be read, its layers' original names are not known, or the folder cannot be written
 */
export async function writePeftAdapter(options: {
  weights: string;
  detector: Detector;
  alpha: number;
  out: string;
}): Promise<{ rank: number }> {
  const { detector, alpha, out } = options;
  checkAlpha(alpha);
  const weights = await openWeights(options.weights);
  const { ffn, hidden } = weights;
  const { prefix, target, fanInFanOut } = moduleNames(weights);
  const chosen = neuronsByLayer(requireHNeurons(detector), weights);
  const most = Math.max(...[...chosen.values()].map(({ length }) => length));
  const rank = Math.max(SMALLEST_RANK, 2 ** Math.ceil(Math.log2(most)));

  const shapes: Record<string, TensorShape> = {};
  const nameOf = (layer: number, part: 'A' | 'B') =>
    `base_model.model.${prefix}${layer}.${target}.lora_${part}.weight`;
  for (const layer of chosen.keys()) {
    shapes[nameOf(layer, 'A')] = { shape: [rank, ffn] };
    shapes[nameOf(layer, 'B')] = { shape: [hidden, rank] };
  }
  const record = recordOf(detector, alpha, 'LoRA of W_down, alpha - 1 folded into B');
  const { header } = layOutSafetensors(shapes, { format: 'pt', [RECORD_KEY]: JSON.stringify(record) });
  await writeFolderAtomic(out, async (folder) => {
    const file = await open(join(folder, 'adapter_model.safetensors'), 'w');
    try {
      await file.writeFile(header);
      for (const [layer, neurons] of chosen) {
        await file.writeFile(bytesOf(selection(neurons, ffn, rank)));
        await file.writeFile(bytesOf(loraB(weights, layer, neurons, { factor: alpha - 1, rank })));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const config = {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: null,
      inference_mode: true,
      r: rank,
      lora_alpha: rank,
      lora_dropout: 0,
      bias: 'none',
      target_modules: [target],
      layers_to_transform: [...chosen.keys()],
      modules_to_save: null,
      fan_in_fan_out: fanInFanOut,
      use_rslora: false,
      use_dora: false,
    };
    await writeFileAtomic(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
    await writeRecord(folder, record);
  });
  return { rank };
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
