import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../errors.js';
import { fileError } from '../formats/file-error.js';
import { loadNpy, writeNpy } from '../formats/npy.js';
import { type PickledArray, type PickledObject, pickledNumbers, readPickle } from '../formats/pickle.js';

/** A linear classifier over all neurons, `layer * ffn + index`. */
export interface Classifier {
  coef: Float64Array;
  intercept: number;
  /** As far as the file says it. */
  C?: number;
}

/**
 * Reads a trained classifier: the scikit-learn `LogisticRegression` that classifier.py saves with joblib (`.pkl`), or a
 * folder with `coef.npy` and `intercept.npy`. The pickle is read as data; nothing in it is run.
 * @throws UserError when it is something else, of several classes, or damaged.
 */
export async function readClassifier(path: string): Promise<Classifier> {
  const info = await stat(path).catch((error) => {
    throw fileError(error, 'read', path);
  });
  const classifier = info.isDirectory() ? await readArrays(path) : await readModel(path);
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

/** Writes `coef.npy` `[1, neurons]` and `intercept.npy` `[1]`, both float64. */
export async function writeClassifier(folder: string, { coef, intercept }: Classifier): Promise<void> {
  await writeNpy(join(folder, 'coef.npy'), { shape: [1, coef.length], data: coef });
  await writeNpy(join(folder, 'intercept.npy'), { shape: [1], data: Float64Array.of(intercept) });
}
