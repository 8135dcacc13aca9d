import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { loadNpy, writeNpy } from '../formats/npy.js';
import { type PickledArray, type PickledObject, pickledNumbers, readPickle } from '../formats/pickle.js';
import { openSafetensors, type TensorInfo } from '../formats/safetensors.js';

/** A linear classifier over all neurons, `layer * ffn + index`. */
export interface Classifier {
  coef: Float64Array;
  intercept: number;
  /** As far as the file says it. */
  C?: number;
}

/**
 * Reads a trained classifier: the scikit-learn `LogisticRegression` that classifier.py saves with joblib (`.pkl`), a
 * folder with `coef.npy` and `intercept.npy`, or a probe that hprobes has saved (`.safetensors`, with its `.json` beside it).
 * The pickle is read as data; nothing in it is run.
 * @throws UserError when it is something else, of several classes, or damaged.
 */
export async function readClassifier(path: string): Promise<Classifier> {
  const info = await stat(path).catch((error) => {
    throw fileError(error, 'read', path);
  });
  const read = info.isDirectory() ? readArrays : path.endsWith('.safetensors') ? readProbe : readModel;
  const classifier = await read(path);
  if (!classifier.coef.every(Number.isFinite) || !Number.isFinite(classifier.intercept)) {
    throw new UserError(`${path} holds infinite or undefined weights`);
  }
  return classifier;
}

async function readArrays(folder: string): Promise<Classifier> {
  const [coef, intercept] = await Promise.all(
    ['coef.npy', 'intercept.npy'].map(async (name) => {
      const { data } = await loadNpy(join(folder, name));
      return Float64Array.from(data as Float64Array, Number);
    }),
  );
  if (intercept.length !== 1) throw new UserError(`${join(folder, 'intercept.npy')} must hold one number`);
  return { coef, intercept: intercept[0] };
}

async function readModel(path: string): Promise<Classifier> {
  const bytes = await readFile(path).catch((error) => {
    throw fileError(error, 'read', path);
  });
  const model = readPickle(bytes, path) as Partial<PickledObject> | null;
  const state = model?.state;
  const array = (name: string) => {
    const value = state instanceof Map ? (state.get(name) as PickledArray | undefined) : undefined;
    if (value?.bytes === undefined) {
      throw new UserError(`${path} is no trained linear classifier of scikit-learn: it has no ${name}`);
    }
    return value;
  };
  const coef = array('coef_');
  const intercept = pickledNumbers(array('intercept_'));
  if (coef.shape.length !== 2 || coef.shape[0] !== 1 || pickledNumbers(array('classes_')).join() !== '0,1') {
    throw new UserError(`${path} tells other classes apart than 0 (true) and 1 (hallucinated)`);
  }
  const C = (state as Map<unknown, unknown>).get('C');
  return {
    coef: pickledNumbers(coef),
    // Without an intercept scikit-learn keeps a single 0.
    intercept: intercept[0],
    ...(typeof C === 'number' && { C }),
  };
}

const ProbeSchema = z.object({
  config: z.object({
    layers: z.array(z.int().min(0)),
    intermediate_dim: z.int().positive(),
    l1_C: z.number().positive(),
  }),
});

/** A probe of hprobes: weights of the features that its pre-selection kept. */
async function readProbe(path: string): Promise<Classifier> {
  const { tensors } = await openSafetensors(path);
  const json = path.replace(/\.safetensors$/, '.json');
  const text = await readFile(json, 'utf8').catch((error) => {
    throw fileError(error, 'read', json);
  });
  const parsed = ProbeSchema.safeParse(tryJson(text));
  const names = ['clf_coef', 'clf_intercept', 'top_k_idx'] as const;
  const types = { clf_coef: 'F64', clf_intercept: 'F64', top_k_idx: 'I64' };
  if (!parsed.success || names.some((name) => tensors.get(name)?.dtype !== types[name])) {
    throw new UserError(`${path} with ${json} is no probe of hprobes: it lacks its weights or its config`);
  }
  if (tensors.has('col_mean'))
    throw new UserError(`${path} is a probe of standardised features, which has no like here`);
  const { layers, intermediate_dim: ffn, l1_C } = parsed.data.config;
  const [weights, intercept, kept] = await Promise.all(
    names.map((name) => readTensor(path, tensors.get(name)!)),
  );
  // How many layers there are behind the last one of every n-th, the file does not say.
  if (layers.some((layer, i) => layer !== i))
    throw new UserError(`${path} was fitted on a part of the layers only`);
  const coef = new Float64Array(layers.length * ffn);
  if (weights.length !== kept.length || kept.some((column) => !(column >= 0 && column < coef.length))) {
    throw new UserError(`${path} is damaged: its weights and features do not go together`);
  }
  kept.forEach((column, i) => {
    coef[column] = weights[i];
  });
  return { coef, intercept: intercept[0], C: l1_C };
}

async function readTensor(path: string, { dtype, offset, bytes }: TensorInfo): Promise<Float64Array> {
  const file = await open(path, 'r');
  try {
    const buffer = new ArrayBuffer(bytes);
    await file.read(new Uint8Array(buffer), 0, bytes, offset);
    return dtype === 'F64' ? new Float64Array(buffer) : Float64Array.from(new BigInt64Array(buffer), Number);
  } catch (error) {
    throw fileError(error, 'read', path);
  } finally {
    await file.close();
  }
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Writes `coef.npy` `[1, neurons]` and `intercept.npy` `[1]`, both float64. */
export async function writeClassifier(folder: string, { coef, intercept }: Classifier): Promise<void> {
  await writeNpy(join(folder, 'coef.npy'), { shape: [1, coef.length], data: coef });
  await writeNpy(join(folder, 'intercept.npy'), { shape: [1], data: Float64Array.of(intercept) });
}
