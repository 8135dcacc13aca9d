import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, inflateSync } from 'node:zlib';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { loadNpy, writeNpy } from '../formats/npy.js';
import { type PickledArray, type PickledObject, pickledNumbers, readPickle } from '../formats/pickle.js';
import { openSafetensors, type TensorInfo } from '../formats/safetensors.js';
import { readTextFile } from '../formats/text-file.js';

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
  const { C } = classifier;
  if (C !== undefined && !(Number.isFinite(C) && C > 0)) {
    throw new UserError(
      `${path} has C = ${C}; C must be a finite number above 0: train the classifier again`,
    );
  }
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
  const model = readPickle(await readModelBytes(path), path) as Partial<PickledObject> | null;
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
  if (C !== undefined && typeof C !== 'number') {
    throw new UserError(`${path} has a C that is no number: train the classifier again`);
  }
  return {
    coef: pickledNumbers(coef),
    // Without an intercept scikit-learn keeps a single 0.
    intercept: intercept[0],
    ...(C !== undefined && { C }),
  };
}

/** Largest classifier, decompressed: some hundred times that of a model with 70 billion parameters. */
const MAX_MODEL_BYTES = 1 << 28;

/** Compressions that joblib offers and Node does not, by their first bytes. */
const UNREADABLE: [magic: string, name: string][] = [
  ['425a68', 'bzip2'],
  ['fd377a585a00', 'xz'],
  ['5d0000', 'lzma'],
  ['04224d18', 'lz4'],
];

/** The pickle of a file that joblib may have compressed with zlib or gzip. */
async function readModelBytes(path: string): Promise<Uint8Array> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > MAX_MODEL_BYTES) throw new UserError(`${path} is over 256 MiB: that is no linear classifier`);
    bytes = await readFile(path);
  } catch (error) {
    throw fileError(error, 'read', path);
  }
  const start = bytes.toString('hex', 0, 6);
  const unreadable = UNREADABLE.find(([magic]) => start.startsWith(magic));
  if (unreadable) {
    throw new UserError(
      `${path} is compressed with ${unreadable[1]}, which cannot be read; save it with joblib.dump(model, path), or with compress=("zlib", 3)`,
    );
  }
  const decompress = start.startsWith('78') ? inflateSync : start.startsWith('1f8b') ? gunzipSync : undefined;
  try {
    return decompress?.(bytes, { maxOutputLength: MAX_MODEL_BYTES }) ?? bytes;
  } catch (cause) {
    throw new UserError(`${path} is damaged: it cannot be decompressed to at most 256 MiB`, { cause });
  }
}

const ProbeSchema = z.object({
  config: z.object({
    layers: z.array(z.int().min(0)),
    intermediate_dim: z.int().positive(),
    l1_C: z.number().positive(),
  }),
});

/** The largest dense models have some 7 million. */
const MAX_PROBE_NEURONS = 1 << 25;

/** A probe of hprobes: weights of the features that its pre-selection kept. */
async function readProbe(path: string): Promise<Classifier> {
  const { tensors } = await openSafetensors(path);
  const json = path.replace(/\.safetensors$/, '.json');
  const text = await readTextFile(json);
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
  if (layers.length * ffn > MAX_PROBE_NEURONS) {
    throw new UserError(
      `${json} speaks of ${layers.length} layers of ${ffn} neurons, more than any model has`,
    );
  }
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
