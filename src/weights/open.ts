import { existsSync, statSync } from 'node:fs';
import { UserError } from '../errors.js';
import { openGgufWeights } from './gguf.js';
import { openSafetensorsWeights } from './safetensors.js';
import type { FfnWeights } from './types.js';

/**
 * The FFN weights of a model on this machine: a GGUF file, a safetensors file, or a folder with a safetensors checkpoint.
 * @throws UserError when it is none of these, or is damaged.
 */
export async function openWeights(path: string): Promise<FfnWeights> {
  if (!existsSync(path)) throw new UserError(`there is no file or folder ${path}`);
  if (!statSync(path).isDirectory() && /\.gguf$/i.test(path)) return openGgufWeights(path);
  return openSafetensorsWeights(path);
}
