import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { loadNpy, writeNpy } from '../formats/npy.js';
import { fromQid, toQid } from './names.js';

/** Folders of extract_activations.py for the two features: answer tokens, and all other tokens of prompt and response. */
export const LOCATIONS = { answer: 'answer_tokens', other: 'all_except_answer_tokens' } as const;
export type Location = keyof typeof LOCATIONS;

/** Activation files by question id, for each location that a folder has. */
export type ActivationFiles = Map<Location, Map<string, string>>;

/**
 * Finds the `act_<qid>.npy` of a folder: of its sub-folders `answer_tokens` and `all_except_answer_tokens`, or of itself when it
 * is one of them.
 * @throws UserError when there are none.
 */
export async function findActivations(folder: string): Promise<ActivationFiles> {
  const found: ActivationFiles = new Map();
  for (const [location, name] of Object.entries(LOCATIONS) as [Location, string][]) {
    const place = basename(folder) === name ? folder : join(folder, name);
    if (!existsSync(place)) continue;
    const names = await readdir(place).catch((error) => {
      throw fileError(error, 'read', place);
    });
    const files = names.flatMap((file) => {
      const match = /^act_(.+)\.npy$/.exec(file);
      return match ? [[fromQid(match[1]), join(place, file)] as const] : [];
    });
    if (files.length > 0) found.set(location, new Map(files));
  }
  if (found.size === 0) {
    throw new UserError(
      `${folder} holds no activations: they are expected as answer_tokens/act_<qid>.npy and all_except_answer_tokens/act_<qid>.npy`,
    );
  }
  return found;
}

/**
 * Reads one activation file, `[layers, ffn]`, as float32 in row-major order.
 * @throws UserError when it has another shape (it is of another model), is damaged, or holds numbers that are no CETT.
 */
export async function readActivation(
  path: string,
  model: { name: string; layers: number; ffn: number },
): Promise<Float32Array> {
  const { shape, data } = await loadNpy(path);
  if (shape.join() !== `${model.layers},${model.ffn}`) {
    throw new UserError(
      `${path} is of another model: its shape is (${shape.join(', ')}), but ${model.name} has ${model.layers} layers of ${model.ffn} neurons`,
    );
  }
  const values = data instanceof Float32Array ? data : Float32Array.from(data as Float64Array, Number);
  if (!values.every(Number.isFinite)) throw new UserError(`${path} holds infinite or undefined values`);
  return values;
}

/** Writes one activation file where the scripts look for it. */
export async function writeActivation(
  folder: string,
  location: Location,
  id: string,
  [layers, ffn]: [number, number],
  data: Float32Array,
): Promise<void> {
  await writeNpy(join(folder, LOCATIONS[location], `act_${toQid(id)}.npy`), { shape: [layers, ffn], data });
}
