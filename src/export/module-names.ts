import { UserError } from '../errors.js';
import type { FfnWeights } from '../weights/types.js';

/** Where transformers keeps the down projection: `prefix` + layer + `.` + `target`. */
export interface ModuleNames {
  prefix: string;
  target: string;
  /** GPT-2 keeps its matrices as [inputs, outputs]; PEFT wants to be told. */
  fanInFanOut: boolean;
}

const usual = { prefix: 'model.layers.', target: 'mlp.down_proj', fanInFanOut: false };
const transformer = { prefix: 'transformer.h.', fanInFanOut: false };

/** By GGUF's `general.architecture`: the names in the checkpoints that the GGUF files were made from. */
const NAMES: Record<string, ModuleNames> = {
  ...Object.fromEntries(
    [
      'llama',
      'qwen2',
      'qwen3',
      'gemma',
      'gemma2',
      'gemma3',
      'phi3',
      'olmo',
      'olmo2',
      'granite',
      'stablelm',
      'smollm3',
      'cohere2',
      'command-r',
      'glm4',
      'internlm3',
      'ernie4_5',
      'seed_oss',
      'exaone4',
      'nemotron',
      'arcee',
      'apertus',
    ].map((architecture) => [architecture, usual]),
  ),
  internlm2: { ...usual, target: 'feed_forward.w2' },
  phi2: { ...usual, target: 'mlp.fc2' },
  starcoder2: { ...usual, target: 'mlp.c_proj' },
  gptneox: { ...usual, prefix: 'gpt_neox.layers.', target: 'mlp.dense_4h_to_h' },
  falcon: { ...transformer, target: 'mlp.dense_4h_to_h' },
  bloom: { ...transformer, target: 'mlp.dense_4h_to_h' },
  gptj: { ...transformer, target: 'mlp.fc_out' },
  exaone: { ...transformer, target: 'mlp.c_proj' },
  qwen: { ...transformer, target: 'mlp.c_proj' },
  gpt2: { prefix: 'transformer.h.', target: 'mlp.c_proj', fanInFanOut: true },
};

/**
 * Numbers of layers of the models (Gemma 3 4B, 12B, 27B) whose checkpoints are mostly of a class with a vision tower, where the layers go by
 * `model.language_model.layers.`. PEFT does no more than warn of names that it does not find, and a GGUF does not tell the class.
 */
const WITH_VISION: Record<string, number[]> = { gemma3: [34, 48, 62] };

/** Checkpoints saved from the bare model leave out the name that the language model has for it. */
const BARE: Record<string, string> = { 'h.': 'transformer.h.', 'layers.': 'model.layers.' };

/**
 * The names of the down projections in the original model: from the checkpoint's own tensors, or from the architecture of a GGUF.
 * @throws UserError for a GGUF whose original names are not known here
 */
export function moduleNames(weights: FfnWeights): ModuleNames {
  const { format, architecture, layers } = weights;
  if (format === 'gguf') {
    const names = NAMES[architecture];
    if (names === undefined) {
      throw new UserError(
        `how the original checkpoints of ${architecture} models name their layers is not known here; give the checkpoint itself with --checkpoint`,
      );
    }
    if (WITH_VISION[architecture]?.includes(layers)) {
      throw new UserError(
        `a ${architecture} model of ${layers} layers mostly comes with a vision tower, and then names its layers otherwise, which its GGUF does not tell; ` +
          'give the original checkpoint with --checkpoint',
      );
    }
    return names;
  }
  const { tensor, neurons } = weights.matrix(0, 'down')!;
  const [, prefix, target] = /^(.*?(?:layers|h|blocks)\.)0\.(.+)\.weight$/.exec(tensor)!;
  return { prefix: BARE[prefix] ?? prefix, target, fanInFanOut: neurons === 'rows' };
}
