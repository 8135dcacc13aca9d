import { UserError } from '../errors.js';
import type { FfnWeights } from './types.js';

/** GGUF's names of architectures, where they are not the checkpoint's `model_type`. */
const GGUF_NAMES: Record<string, string> = {
  mistral: 'llama',
  gemma3_text: 'gemma3',
  gpt_neox: 'gptneox',
  phi: 'phi2',
  cohere: 'command-r',
};

/**
 * Checks that two models can be one before and after a training: sizes must be equal, and each neuron then has its
 * counterpart.
 * @returns in words, what else differs (architecture name, tokenizer, storage); empty when nothing does
 * @throws UserError when the shapes differ or one has gates that the other lacks
 */
export async function checkPair(base: FfnWeights, instruct: FfnWeights): Promise<string[]> {
  const shape = ({ layers, ffn, hidden }: FfnWeights) =>
    `${layers} layers of ${ffn} neurons, width ${hidden}`;
  if (shape(base) !== shape(instruct) || base.gated !== instruct.gated) {
    const gates = base.gated === instruct.gated ? '' : '; only one of them has gates';
    throw new UserError(
      `${base.path} (${base.architecture}, ${shape(base)}) and ${instruct.path} (${instruct.architecture}, ${shape(instruct)}) ` +
        `are not of one family${gates}; name the base model that the other was trained from`,
    );
  }
  const differences: string[] = [];
  const [a, b] = [ggufArchitecture(base), ggufArchitecture(instruct)];
  if (a !== b && a !== 'unknown' && b !== 'unknown') {
    differences.push(`the architectures are ${base.architecture} and ${instruct.architecture}`);
  }
  differences.push(...(await tokenizerDifferences(base, instruct)));
  if (base.quantisation !== instruct.quantisation) {
    differences.push(`the weights are stored as ${base.quantisation} and ${instruct.quantisation}`);
  }
  return differences;
}

/** The architecture as GGUF names it; `unknown` for a checkpoint without a config. */
export function ggufArchitecture({ architecture }: FfnWeights): string {
  return GGUF_NAMES[architecture] ?? architecture;
}

async function tokenizerDifferences(base: FfnWeights, instruct: FfnWeights): Promise<string[]> {
  const [a, b] = [await base.tokens(), await instruct.tokens()];
  if (!a || !b) return ['one of them has no tokenizer to compare'];
  const shared = Math.min(a.length, b.length);
  let different = 0;
  for (let id = 0; id < shared; id++) if (a[id] !== b[id]) different++;
  const found: string[] = [];
  if (different > 0) found.push(`${different} of the first ${shared} tokens are not the same`);
  if (a.length !== b.length) found.push(`the vocabularies have ${a.length} and ${b.length} tokens`);
  return found;
}
